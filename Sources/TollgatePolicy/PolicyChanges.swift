import TollgateCore

/// The differences between two versions of a policy file, by name. Pure.
package struct PolicyChanges: Equatable, Sendable {
    /// The names of what the new version has, and the old one does not: limits such as `user/requests/1m` for a kind and
    /// `user:alice/cost/day` for a scope, `tier premium`, `tier premium/cost/day`, `assignment role:Faculty`.
    package private(set) var added: [String] = []
    /// The names of what both have, with other values; also settings, such as `currency`.
    package private(set) var changed: [String] = []
    /// The names of what only the old version has.
    package private(set) var removed: [String] = []

    /// The maximum number of names in a list of `text(of:)`.
    private static let maxNames = 10
    /// The maximum length of a name in `text(of:)`, in characters. Ids of scopes can be long.
    private static let maxNameLength = 80

    package init(from old: Policy, to new: Policy) {
        compare(Self.limits(old), Self.limits(new)) { $0 }
        compare(
            old.tiers.mapValues { Self.withoutLimits($0.tier) }, new.tiers.mapValues { Self.withoutLimits($0.tier) }
        ) {
            "tier \($0)"
        }
        compare(old.assignments.mapValues(Self.withoutOrder), new.assignments.mapValues(Self.withoutOrder)) {
            "assignment \($0.id)"
        }
        if Self.order(old, in: new) != Self.order(new, in: old) { changed.append("order of assignments") }
        changed += Self.settings(old, new)
        // A change of whatever has no name here must not look like none.
        if isEmpty, Self.withoutPositions(old) != Self.withoutPositions(new) { changed = ["other settings"] }
    }

    /// Whether the versions are equal.
    package var isEmpty: Bool { added.isEmpty && changed.isEmpty && removed.isEmpty }

    /// The names of a list as one text of bounded length.
    package static func text(of names: [String]) -> String {
        let shown = names.prefix(maxNames).map { PlainText.shortened($0, to: maxNameLength) }.joined(separator: ", ")
        return names.count > maxNames ? "\(shown) and \(names.count - maxNames) more" : shown
    }

    private mutating func compare<Key: Hashable, Value: Equatable>(
        _ old: [Key: Value], _ new: [Key: Value], name: (Key) -> String
    ) {
        added += new.keys.filter { old[$0] == nil }.map(name).sorted()
        removed += old.keys.filter { new[$0] == nil }.map(name).sorted()
        changed += old.filter { key, value in new[key].map { $0 != value } ?? false }.map { name($0.key) }.sorted()
    }

    /// All limits by their names.
    private static func limits(_ policy: Policy) -> [String: Limit] {
        var limits: [String: Limit] = [:]
        func add(_ owner: String, _ owned: [Limit]) {
            for limit in owned { limits["\(owner)/\(limit.name)"] = limit }
        }
        for (kind, owned) in policy.defaults { add("\(kind)", owned) }
        for (scope, owned) in policy.scopes { add("\(scope)", owned) }
        for (id, entry) in policy.tiers { add("tier \(id)", entry.tier.limits) }
        return limits
    }

    private static func withoutLimits(_ tier: Tier) -> Tier {
        var tier = tier
        tier.limits = []
        return tier
    }

    private static func withoutOrder(_ assignment: Assignment) -> Assignment {
        var assignment = assignment
        assignment.order = 0
        return assignment
    }

    /// The assignments that both policies have, in the order of the first one.
    private static func order(_ policy: Policy, in other: Policy) -> [String] {
        policy.assignments.values.filter { other.assignments[$0.subject] != nil }
            .sorted { $0.order < $1.order }.map(\.subject.id)
    }

    /// The policy without what depends on the lines of its file.
    private static func withoutPositions(_ policy: Policy) -> Policy {
        var policy = policy
        policy.warnings = []
        policy.assignments = policy.assignments.mapValues(withoutOrder)
        return policy
    }

    /// The names of the settings that differ, as the policy file calls them.
    private static func settings(_ old: Policy, _ new: Policy) -> [String] {
        var names: [String] = []
        if old.currency != new.currency { names.append("currency") }
        if old.moneyUnit != new.moneyUnit { names.append("decimals") }
        if old.calendar.timeZone != new.calendar.timeZone { names.append("timezone") }
        if old.calendar.resetHour != new.calendar.resetHour { names.append("reset_hour") }
        if old.calendar.billingDay != new.calendar.billingDay { names.append("billing_day") }
        if old.thresholds != new.thresholds { names.append("thresholds") }
        if old.history != new.history { names.append("history") }
        if old.historyDays != new.historyDays { names.append("history_days") }
        if old.historyMonths != new.historyMonths { names.append("history_months") }
        if old.kinds != new.kinds { names.append("kinds") }
        if old.unknownKinds != new.unknownKinds { names.append("unknown_kinds") }
        if old.foldedKinds != new.foldedKinds { names.append("fold_case") }
        if old.onRedisFailure != new.onRedisFailure { names.append("on_redis_failure") }
        if old.prices != new.prices { names.append("prices") }
        if old.accounts != new.accounts { names.append("accounts") }
        if old.driftThreshold != new.driftThreshold { names.append("drift_threshold") }
        if old.unknownModel != new.unknownModel { names.append("unknown_model") }
        return names
    }
}
