import Foundation
import TollgateAdmin
import TollgateCore
import TollgatePolicy

/// Encodes arguments as the JSON bodies of the API. Amounts remain text or whole numbers throughout.
enum AdminBody {
    static func tier(_ tier: Tier) throws -> String { try CanonicalJSON.text(TierJSON(tier)) }

    static func account(_ account: Account) throws -> String { try CanonicalJSON.text(account) }

    static func limits(_ limits: [Limit]) throws -> String {
        struct Body: Encodable { var limits: LimitsJSON }
        return try CanonicalJSON.text(Body(limits: LimitsJSON(limits)))
    }

    /// Encodes an assignment. The API chooses the values that are nil.
    static func assignment(tier: String, priority: Int?, disabled: Bool) throws -> String {
        struct Body: Encodable {
            var tier: String
            var priority: Int?
            var enabled: Bool?
        }
        return try CanonicalJSON.text(Body(tier: tier, priority: priority, enabled: disabled ? false : nil))
    }

    /// Encodes an override.
    ///
    /// - Parameter end: The end in ISO 8601.
    static func override(
        limits: [LimitArgument], additions: [LimitArgument], end: String, reason: String
    ) throws -> String {
        struct Body: Encodable {
            var limits: LimitsJSON?
            var add: [String: AmountJSON]?
            var expires_at: String
            var reason: String
        }
        var add: [String: AmountJSON] = [:]
        for addition in additions {
            add[addition.name] = AmountJSON(addition.meter, addition.amount, in: addition.unit)
        }
        return try CanonicalJSON.text(
            Body(
                limits: limits.isEmpty ? nil : LimitsJSON(LimitArgument.merge(limits, into: [])),
                add: add.isEmpty ? nil : add, expires_at: end, reason: reason))
    }

    /// Encodes a reset.
    ///
    /// - Parameter limits: The names of limits. None means all of them.
    static func reset(_ limits: [String]) throws -> String {
        try CanonicalJSON.text(limits.isEmpty ? [:] : ["limits": limits])
    }

    /// Decodes the limits of a scope that administrators have set, from a response of the API. The unit of money is the
    /// finest one in which they fit, as the response does not contain the policy's.
    static func limits(of answer: JSONValue) throws -> [Limit] {
        guard case .object = answer["limits"] else { return [] }
        let json = Data(answer["limits"].json.utf8)
        let finest = MoneyUnit.all.last { (try? PolicyJSON.limits(json, $0)) != nil }
        return try PolicyJSON.limits(json, finest ?? .nano)
    }

    /// Decodes the limits that the policy file has for a scope itself, from effective limits in a response of the API.
    static func fileLimits(among effective: JSONValue) throws -> [Limit] {
        var meters: [String: JSONValue] = [:]
        var periods: [String: [String: JSONValue]] = [:]
        for item in effective.array where item["source"].string == "scope" && item["origin"].string == "file" {
            guard let (meter, period) = item["limit"].string.flatMap({ Limit.parse(name: $0) }) else { continue }
            if meter == .concurrent {
                meters[meter.name] = item["as_set"]
            } else {
                periods[meter.name, default: [:]][period.description] = item["as_set"]
            }
        }
        meters.merge(periods.mapValues { .object($0) }) { $1 }
        return try limits(of: .object(["limits": .object(meters)]))
    }

    /// Decodes a tier from a response of the API, with the unit of money of ``limits(of:)``.
    static func tier(of answer: JSONValue, id: String) throws -> Tier {
        guard case .object(var members) = answer else { throw AdminFailure(["\(id): unexpected response"]) }
        for key in ["id", "origin", "version"] { members[key] = nil }
        let json = Data(JSONValue.object(members.filter { $0.value != .null }).json.utf8)
        let finest = MoneyUnit.all.last { (try? PolicyJSON.tier(json, id: id, $0)) != nil }
        return try PolicyJSON.tier(json, id: id, finest ?? .nano)
    }

    /// Decodes the settings of an account from a response of the API, with the unit of money of ``limits(of:)``.
    static func account(of answer: JSONValue, id: String) throws -> Account {
        let settings = answer["settings"]
        guard case .object = settings else {
            throw AdminFailure(["\(id): the sidecar is of an earlier version, which does not set accounts"])
        }
        let json = Data(settings.json.utf8)
        let finest = MoneyUnit.all.last { (try? PolicyJSON.account(json, id: id, $0, origin: .file)) != nil }
        return try PolicyJSON.account(json, id: id, finest ?? .nano, origin: .file)
    }

    /// Returns the time after a number of seconds in ISO 8601.
    static func end(_ seconds: Int64, after now: Date) -> String {
        Date(timeIntervalSince1970: now.timeIntervalSince1970.rounded(.down) + Double(seconds)).ISO8601Format()
    }
}
