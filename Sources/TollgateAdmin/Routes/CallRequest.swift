import Foundation
import NIOCore
import TollgateCore
import TollgatePolicy
import TollgateWire

/// The body of a call, which is encoded as a request line of the protocol.
struct CallRequest {
    let verb: Verb
    /// The kinds that requests may name.
    let kinds: KnownKinds
    /// The unit of `cost`.
    let moneyUnit: MoneyUnit

    private static let amounts =
        ["requests", "tokens", "input_tokens", "output_tokens", "cost"] + BilledItem.allCases.map(\.rawValue)

    /// The fields that the verb allows.
    private var fields: [String] {
        switch verb {
        case .commit: ["reservation"] + Self.amounts + ["model", "provider"]
        case .cancel: ["reservation"]
        case .reserve: ["scopes"] + Self.amounts + ["roles", "email", "ttl", "on_expiry"]
        case .record, .refund: ["scopes"] + Self.amounts + ["roles", "email", "id", "at"]
        default: ["scopes"] + Self.amounts + ["roles", "email"]
        }
    }

    /// Encodes the request line. Throws a `Problem` that lists every invalid field.
    func line(_ json: Data) throws(Problem) -> ByteBuffer {
        guard !json.isEmpty else {
            let example = fields[0] == "scopes" ? #"{"scopes":{"user":"alice"}}"# : #"{"reservation":"…"}"#
            let message = "is missing: the body is empty; expected an object such as \(example)"
            throw .invalid([.init(field: fields[0], message: message)])
        }
        var reader = try ObjectReader(json, allowed: fields)
        var line = ByteBuffer()
        let amounts = amounts(&reader)
        if verb.namesScopes {
            let scopes = scopes(&reader)
            let roles = Self.roles(&reader)
            let email = reader.text("email", maxLength: ScopeID.maxLength)
            let id = reader.text("id", maxLength: 128)
            let usedAt = reader.text("at", maxLength: 24)
            let timeToLive = reader.wholeNumber("ttl", in: 1...RequestParser.maxTimeToLive)
            let onExpiry = Self.onExpiry(&reader)
            try reader.finish()
            RequestWriter.write(
                verb, scopes: scopes, amounts: amounts, id: id, usedAt: usedAt, timeToLive: timeToLive,
                onExpiry: onExpiry, roles: roles, email: email, to: &line)
        } else {
            let reservation = reader.text("reservation", maxLength: 16_384)
            let model = reader.text("model", maxLength: ScopeID.maxLength)
            let provider = reader.text("provider", maxLength: ScopeID.maxLength)
            if reservation == nil, reader.errors.isEmpty { reader.report("reservation", "is missing") }
            try reader.finish()
            RequestWriter.write(
                verb, reservation: reservation ?? "", amounts: amounts, model: model, provider: provider, to: &line)
        }
        return line
    }

    private func amounts(_ reader: inout ObjectReader) -> Amounts {
        var amounts = Amounts()
        amounts.unit = moneyUnit
        for meter in Meter.allCases where meter != .concurrent {
            let name = meter.name
            amounts[meter] =
                meter == .cost
                ? reader.money(name, in: moneyUnit) : reader.wholeNumber(name, in: 0...meter.maxAmount)
        }
        for item in BilledItem.allCases {
            amounts[item] =
                (item == .seconds
                    ? reader.milliseconds(item.rawValue, max: item.maxAmount)
                    : reader.wholeNumber(item.rawValue, in: 0...item.maxAmount)) ?? 0
        }
        return amounts
    }

    /// Reads the scopes in the order of composite kinds. A JSON object has no order, and the id of a RECORD belongs to
    /// the first scope.
    private func scopes(_ reader: inout ObjectReader) -> [Scope.Part] {
        guard let value = reader["scopes"] else {
            reader.report("scopes", "is missing")
            return []
        }
        guard let members = value.members else {
            reader.report("scopes", "expected an object such as {\"user\":\"alice\"}, found \(value.found)")
            return []
        }
        if members.count > Request.maxScopes {
            reader.report("scopes", "expected at most \(Request.maxScopes) scopes, found \(members.count)")
        }
        var parts: [Scope.Part] = []
        for (kind, id) in members.sorted(by: { ScopeKind.precedes($0.key, $1.key) }) {
            let field = "scopes.\(String(kind.unicodeScalars.prefix(32)))"
            guard let id = id.text else {
                reader.report(field, "expected text, found \(id.found)")
                continue
            }
            do throws(ScopeError) {
                parts += try Scope(parts: [.init(kind: kind, id: id)]).parts
                guard kinds.standing(of: kind) != .unknown else {
                    throw ScopeError(kinds.explanation(of: kind, arguments: verb.argumentNames))
                }
            } catch {
                reader.report(field, PolicyProblem(file: "", line: 1, path: "", sentence: error.description).sentence)
            }
        }
        return parts
    }

    private static func onExpiry(_ reader: inout ObjectReader) -> ExpiryRule? {
        guard let text = reader.text("on_expiry", maxLength: 16) else { return nil }
        let rule = ExpiryRule(rawValue: text)
        if rule == nil { reader.report("on_expiry", "expected release or charge") }
        return rule
    }

    private static func roles(_ reader: inout ObjectReader) -> [String] {
        let roles = reader.texts("roles", maxLength: 1_024) ?? []
        if roles.contains(where: { $0.contains(",") }) { reader.report("roles", "expected names without commas") }
        if roles.joined(separator: ",").utf8.count > 1_024 {
            reader.report("roles", "expected at most 1024 bytes in total")
        }
        return roles
    }
}
