package import TollgateCore
package import TollgatePolicy
package import TollgateRedis

/// A setting with the number of the change that wrote it, which an ETag names.
package struct Versioned<Item: Sendable>: Sendable {
    package var item: Item
    package var version: Int64

    package init(_ item: Item, version: Int64) {
        self.item = item
        self.version = version
    }
}

/// The stored settings that every sidecar caches.
package struct StoredShared: Sendable {
    /// The number of the last change at the time of reading.
    package var revision: Int64 = 0
    /// Tiers by id.
    package var tiers: [String: Versioned<Tier>] = [:]
    package var assignments: [Versioned<Assignment>] = []
    /// The kinds of scopes that ever had settings.
    package var kinds: Set<ScopeKind> = []
    /// Accounts at providers by id.
    package var accounts: [String: Versioned<Account>] = [:]

    package init() {}

    package var policy: SharedPolicy {
        SharedPolicy(
            tiers: tiers.mapValues(\.item), assignments: assignments.map(\.item), kinds: kinds,
            accounts: accounts.mapValues(\.item))
    }
}

/// The stored settings of one scope.
package struct StoredSettings: Sendable {
    package var assignment: Versioned<Assignment>?
    package var limits: Versioned<[Limit]>?
    package var override: Versioned<Override>?

    package init() {}

    package var settings: ScopeSettings {
        ScopeSettings(assignment: assignment?.item, limits: limits?.item ?? [], override: override?.item)
    }

    /// Decodes the reply to HGETALL of `PolicyKeys.settings(of:)`. A missing key is empty settings.
    ///
    /// - Throws: `.corrupt` if a field is malformed, `.unavailable` if the reply is an error.
    package init(scope: Scope, reply: RedisReply, _ unit: MoneyUnit) throws(StoreError) {
        try self.init(scope: scope, reply: reply, unit, key: "{policy}:scope:\(scope)")
    }

    /// Decodes the reply to HGETALL. `key` is for error messages.
    init(scope: Scope, reply: RedisReply, _ unit: MoneyUnit, key: String) throws(StoreError) {
        self.init()
        for field in try StoredField.all(reply, of: key) {
            switch field.name {
            case "assignment": assignment = try field.assignment(Self.subject(of: scope, field))
            case "limits": limits = try field.limits(unit)
            case "override": override = try field.override(unit)
            default: break
            }
        }
    }

    private static func subject(
        of scope: Scope, _ field: StoredField
    ) throws(StoreError) -> Assignment.Subject {
        guard scope.parts.count == 1, scope.parts[0].kind == "user" else {
            throw field.corrupt("only users have an assignment")
        }
        return .user(scope)
    }
}
