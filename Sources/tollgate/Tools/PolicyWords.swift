import TollgateAdmin
import TollgateCore
import TollgatePolicy

/// Settings and their differences in words, for the plan of `tollgate policy apply`. Pure.
enum PolicyWords {
    /// Limits as `requests/1m=60 cost/day=20(mode=shadow)`.
    static func limits(_ limits: [Limit]) -> String {
        limits.isEmpty ? "no limits" : limits.map { "\($0.name)=\(value($0))" }.joined(separator: " ")
    }

    /// The `max` of a limit, and its other settings in brackets.
    private static func value(_ limit: Limit) -> String {
        let json = (try? CanonicalJSON.text(LimitsJSON([limit]))).flatMap(JSONValue.init(text:)) ?? .null
        let value =
            limit.meter == .concurrent ? json[limit.meter.name] : json[limit.meter.name][limit.period.description]
        return SettingText.limit(value)
    }

    /// The differences of limits: `requests/1m changed from 60 to 100, cost/day=20 added`. Empty if there are none.
    static func changes(from old: [Limit], to new: [Limit]) -> String {
        let changed = new.compactMap { limit -> String? in
            guard let before = old.first(where: { $0.name == limit.name }) else {
                return "\(limit.name)=\(value(limit)) added"
            }
            return before == limit ? nil : "\(limit.name) changed from \(value(before)) to \(value(limit))"
        }
        let removed = old.filter { limit in !new.contains { $0.name == limit.name } }
        return (changed + removed.map { "\($0.name)=\(value($0)) removed" }).joined(separator: ", ")
    }

    static func tier(_ tier: Tier) -> String {
        ([limits(tier.limits)] + SettingText.words(ofProperties: SettingText.properties(of: json(tier))))
            .joined(separator: ", ")
    }

    /// The differences of tiers.
    static func changes(from old: Tier, to new: Tier) -> String {
        changes(from: (json(old), old.limits), to: (json(new), new.limits))
    }

    static func account(_ account: Account) -> String { SettingText.tier(json(account)) }

    /// The differences of accounts.
    static func changes(from old: Account, to new: Account) -> String {
        changes(from: (json(old), old.limits), to: (json(new), new.limits))
    }

    private static func changes(
        from old: (json: JSONValue, limits: [Limit]), to new: (json: JSONValue, limits: [Limit])
    ) -> String {
        let (before, after) = (SettingText.properties(of: old.json), SettingText.properties(of: new.json))
        let keys = Set(before.keys).union(after.keys).sorted()
        let words = keys.compactMap { key -> String? in
            switch (before[key], after[key]) {
            case (let old?, let new?): old == new ? nil : "\(key) changed from \(old) to \(new)"
            case (nil, let new?): "\(key) \(new) added"
            case (let old?, nil): "\(key) \(old) removed"
            case (nil, nil): nil
            }
        }
        let limits = changes(from: old.limits, to: new.limits)
        return ((limits.isEmpty ? [] : [limits]) + words).joined(separator: ", ")
    }

    private static func json(_ tier: Tier) -> JSONValue { json(of: TierJSON(tier)) }

    private static func json(_ account: Account) -> JSONValue { json(of: account) }

    private static func json(of value: some Encodable) -> JSONValue {
        (try? CanonicalJSON.text(value)).flatMap(JSONValue.init(text:)) ?? .null
    }

    /// An assignment without its subject: `premium, priority 200`.
    static func assignment(_ assignment: Assignment) -> String {
        "\(assignment.tier), priority \(assignment.priority)\(assignment.isEnabled ? "" : ", not enabled")"
    }
}
