import Foundation
import TollgateAdmin
import TollgateCore
import TollgatePolicy

/// The settings of a sidecar: those of its policy file, and those of administrators. Decoded from the API's responses.
struct SettingsInForce {
    /// A setting, and its version if an administrator has made it.
    struct Item<Value> {
        var value: Value
        var version: Int64?
        var isAdmins: Bool { version != nil }
    }

    /// The settings of the policy file other than limits, tiers, assignments and accounts, with the keys of the file.
    private(set) var fileSettings: [String: JSONValue] = [:]
    /// The unit of money of all limits.
    private(set) var moneyUnit = MoneyUnit.nano
    private(set) var fileDefaults: [ScopeKind: [Limit]] = [:]
    private(set) var fileScopes: [Scope: [Limit]] = [:]
    /// All tiers by id. One of an administrator hides the file's.
    private(set) var tiers: [String: Item<Tier>] = [:]
    /// All assignments. One of an administrator hides the file's.
    private(set) var assignments: [Assignment.Subject: Item<Assignment>] = [:]
    /// All accounts by id. One of an administrator hides the file's.
    private(set) var accounts: [String: Item<Account>] = [:]
    /// The limits that administrators have set.
    private(set) var limits: [Scope: Item<[Limit]>] = [:]
    /// The overrides that have not ended, with their scopes, as JSON.
    private(set) var overrides: [JSONValue] = []

    /// Reads everything, page by page.
    init(_ client: AdminClient) async throws {
        func all(_ path: String) async throws -> [JSONValue] {
            try await client.pages(atMost: .max) { AdminRequest.page(path, of: $0, after: $1) }.value()["items"].array
        }
        try self.init(
            policy: await client.send(AdminRequest(.get, "v1", "policy")).value(),
            assignments: await all("assignments"), limits: await all("limits"), overrides: await all("overrides"))
    }

    /// Decodes the responses of `/v1/policy`, and the items of `/v1/assignments`, `/v1/limits` and `/v1/overrides`.
    init(policy: JSONValue, assignments: [JSONValue], limits: [JSONValue], overrides: [JSONValue]) throws {
        for key in PolicyDocument.settingKeys where policy[key] != .null { fileSettings[key] = policy[key] }
        // Sidecars of earlier versions do not report `decimals`.
        moneyUnit = policy["decimals"].number.flatMap { MoneyUnit(decimals: Int(clamping: $0)) } ?? .nano
        for (kind, entry) in policy["defaults"].members {
            fileDefaults[try ScopeKind(parsing: kind)] = try readLimits(entry["limits"])
        }
        for (scope, entry) in policy["scopes"].members {
            fileScopes[try Scope(parsing: scope)] = try readLimits(entry["limits"])
        }
        for tier in policy["tiers"].array {
            let id = tier["id"].text
            let json = tier.without("id", "origin", "version").data
            tiers[id] = Item(value: try PolicyJSON.tier(json, id: id, moneyUnit), version: tier["version"].number)
        }
        for (id, account) in policy["accounts"].members {
            let json = account.without("origin", "version").data
            accounts[id] = Item(
                value: try PolicyJSON.account(json, id: id, moneyUnit, origin: .file),
                version: account["version"].number)
        }
        for item in assignments {
            let subject = try Assignment.Subject(id: item["id"].text)
            let json = item.without("id", "type", "subject", "origin", "version", "order").data
            let assignment = try PolicyJSON.assignment(json, of: subject, order: item["order"].number ?? 0)
            self.assignments[subject] = Item(value: assignment, version: item["version"].number)
        }
        for item in limits {
            self.limits[try Scope(parsing: item["scope"].text)] = Item(
                value: try readLimits(item["limits"]), version: item["version"].number ?? 0)
        }
        self.overrides = overrides
    }

    private func readLimits(_ json: JSONValue) throws -> [Limit] { try PolicyJSON.limits(json.data, moneyUnit) }
}

extension JSONValue {
    fileprivate var data: Data { Data(json.utf8) }

    /// A whole number, or nil for other values.
    fileprivate var number: Int64? { if case .integer(let number) = self { number } else { nil } }

    /// An object without some members.
    func without(_ keys: String...) -> JSONValue {
        guard case .object(let members) = self else { return self }
        return .object(members.filter { !keys.contains($0.key) })
    }
}
