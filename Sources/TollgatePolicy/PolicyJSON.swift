package import Foundation
package import TollgateCore

/// Parts of a policy in JSON: the bodies of the admin API, and the settings that administrators have stored.
///
/// The rules are those of the policy file, whose unit of money is given. Money may also be text, `"100.50"`, so that no client has to pass it through
/// a double.
package enum PolicyJSON {
    /// Reads a tier: `{ "limits": { "cost": { "month": "100.50" } }, "name": "Basic" }`.
    package static func tier(_ json: Data, id: String, _ unit: MoneyUnit) throws(PolicyError) -> Tier {
        try read(json, unit) { $0.tier($1, id: id, at: $2) }
    }

    /// Reads an assignment: `{ "tier": "premium", "priority": 200, "enabled": true }`.
    package static func assignment(
        _ json: Data, of subject: Assignment.Subject, order: Int64 = 0
    ) throws(PolicyError) -> Assignment {
        var assignment = try read(json) { reader, node, position in
            let entries = reader.entries(
                of: node, at: position, expected: "an object such as {\"tier\":\"premium\"}",
                allowed: PolicyReader.assignmentKeys)
            return node.members == nil ? nil : reader.assignment(of: subject, entries, order: order, at: position)
        }
        assignment.origin = .admin
        return assignment
    }

    /// Reads an account: `{ "provider": "anthropic", "credential_file": "/etc/tollgate/key", "billing_day": 15 }`.
    ///
    /// - Parameter origin: The policy file may contain more than an administrator may set.
    package static func account(
        _ json: Data, id: String, _ unit: MoneyUnit, origin: Origin = .admin
    ) throws(PolicyError) -> Account {
        try read(json, unit, holdsSecrets: true) { reader, node, position in
            reader.account(.init(key: id, position: position, value: node), origin).map { located in
                var account = located.account
                account.limits = located.limits.map(\.limit)
                return account
            }
        }
    }

    /// Reads the limits of a scope: `{ "requests": { "1m": 60 } }`.
    ///
    /// - Parameter scope: The scope, by which it is known what its limits can say; nil if they were checked before.
    package static func limits(
        _ json: Data, of scope: Scope? = nil, _ unit: MoneyUnit
    ) throws(PolicyError) -> [Limit] {
        try read(json, unit) {
            $0.limitsAreOfAccount = scope?.isAccount ?? true
            return $0.scopeLimits(.init(key: "", position: $2, value: $1))
        }
    }

    /// Reads an override, such as
    /// `{ "add": { "cost/month": "50" }, "expires_at": "2026-11-22T10:00:00Z", "reason": "deadline" }`.
    ///
    /// - Parameter scope: As for ``limits(_:of:_:)``.
    package static func override(
        _ json: Data, of scope: Scope? = nil, _ unit: MoneyUnit
    ) throws(PolicyError) -> Override {
        try read(json, unit) {
            $0.limitsAreOfAccount = scope?.isAccount ?? true
            return $0.override($1, at: $2)
        }
    }

    private static func read<Value>(
        _ json: Data, _ unit: MoneyUnit = .nano, holdsSecrets: Bool = false,
        _ body: (PolicyReader, DocumentNode, PolicyReader.Position) -> Value?
    ) throws(PolicyError) -> Value {
        let reader = PolicyReader(file: "JSON", isJSON: true, holdsSecrets: holdsSecrets)
        reader.moneyUnit = unit
        let position = PolicyReader.Position(line: 1, path: [])
        var value: Value?
        do {
            value = body(reader, try JSONDocument.root(of: json), position)
        } catch {
            reader.report(position, "not valid JSON")
        }
        guard reader.problems.isEmpty, let value else {
            if reader.problems.isEmpty { reader.report(position, "expected an object") }
            throw PolicyError(problems: reader.problems)
        }
        return value
    }
}

// MARK: - Writing

/// Limits as JSON: `{"cost":{"month":"100.5"},"requests":{"1m":60}}`. Money is text, so that no client passes it
/// through a double.
package struct LimitsJSON: Encodable {
    var limits: [Limit]

    package init(_ limits: [Limit]) {
        self.limits = limits
    }

    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(_ text: String) { stringValue = text }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    package func encode(to encoder: any Encoder) throws {
        var meters = encoder.container(keyedBy: Key.self)
        for meter in Meter.allCases {
            let limits = limits.filter { $0.meter == meter }
            guard let first = limits.first else { continue }
            guard meter != .concurrent else {
                try meters.encode(Value(limit: first), forKey: Key(meter.name))
                continue
            }
            var periods = meters.nestedContainer(keyedBy: Key.self, forKey: Key(meter.name))
            for limit in limits { try periods.encode(Value(limit: limit), forKey: Key(limit.period.description)) }
        }
    }

    /// The `max` of a limit; an object if the limit has other settings too.
    package struct Value: Encodable {
        var limit: Limit

        package init(limit: Limit) {
            self.limit = limit
        }

        package func encode(to encoder: any Encoder) throws {
            guard
                limit.mode != .enforce || limit.thresholds != nil || limit.onRedisFailure != nil
                    || limit.onExpiry != nil || limit.counts != nil
            else {
                return try limit.json(limit.max).encode(to: encoder)
            }
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(limit.json(limit.max), forKey: Key("max"))
            try container.encode(limit.mode.rawValue, forKey: Key("mode"))
            try container.encodeIfPresent(limit.thresholds, forKey: Key("thresholds"))
            try container.encodeIfPresent(limit.onRedisFailure?.rawValue, forKey: Key("on_redis_failure"))
            try container.encodeIfPresent(limit.onExpiry?.rawValue, forKey: Key("on_expiry"))
            try container.encodeIfPresent(limit.counts?.rawValue, forKey: Key("source"))
        }
    }
}

/// A tier as JSON. `PolicyJSON.tier` reads it.
package struct TierJSON: Encodable {
    var name: String?
    var description: String?
    /// False or nil: sidecars of earlier versions reject the key.
    var enabled: Bool?
    var limits: LimitsJSON
    var timezone: String?
    var resetHour: Int?
    var billingDay: Int?

    enum CodingKeys: String, CodingKey {
        case name, description, enabled, limits, timezone
        case resetHour = "reset_hour"
        case billingDay = "billing_day"
    }

    package init(_ tier: Tier) {
        name = tier.name
        description = tier.description
        enabled = tier.isEnabled ? nil : false
        limits = LimitsJSON(tier.limits)
        timezone = tier.timeZone
        resetHour = tier.resetHour
        billingDay = tier.billingDay
    }
}

/// An assignment as JSON, without its subject. `PolicyJSON.assignment` reads it.
package struct AssignmentJSON: Encodable {
    var tier: String
    var priority: Int
    var enabled: Bool

    package init(_ assignment: Assignment) {
        tier = assignment.tier
        priority = assignment.priority
        enabled = assignment.isEnabled
    }
}

/// An override as JSON. `PolicyJSON.override` reads it.
package struct OverrideJSON: Encodable {
    var limits: LimitsJSON?
    var add: [String: AmountJSON]?
    /// ISO 8601, UTC.
    var expiresAt: String
    var reason: String

    enum CodingKeys: String, CodingKey {
        case limits, add, reason
        case expiresAt = "expires_at"
    }

    package init(_ override: Override) {
        limits = override.limits.isEmpty ? nil : LimitsJSON(override.limits)
        if !override.additions.isEmpty {
            add = Dictionary(
                uniqueKeysWithValues: override.additions.map {
                    (Limit($0.meter, $0.period, max: nil).name, AmountJSON($0.meter, $0.amount, in: $0.unit))
                })
        }
        expiresAt = Date(timeIntervalSince1970: Double(override.expiresAt / 1_000)).ISO8601Format()
        reason = override.reason
    }
}
