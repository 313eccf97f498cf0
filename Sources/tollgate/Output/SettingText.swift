import TollgateAdmin
import TollgateCore

/// Settings as the audit log and the plan of `policy apply` name them, from their JSON.
enum SettingText {
    /// A limit: its maximum, and its other settings in brackets, such as `20(mode=shadow)`.
    static func limit(_ value: JSONValue) -> String {
        guard case .object = value else { return AdminText.max(value) }
        let others = value.members.filter { $0.key != "max" && $0.value != .null && $0.value != .string("enforce") }
        let words = others.map { "\($0.key)=\($0.value.text)" }.joined(separator: " ")
        return AdminText.max(value["max"]) + (words.isEmpty ? "" : "(\(words))")
    }

    /// The limits of a scope or a tier by name.
    static func limits(_ value: JSONValue) -> [String: String] {
        let pairs = value.members.flatMap { meter, periods in
            meter == Meter.concurrent.name
                ? [(meter, limit(periods))] : periods.members.map { ("\(meter)/\($0.key)", limit($0.value)) }
        }
        return Dictionary(pairs) { first, _ in first }
    }

    /// The settings of a tier or an account other than its limits.
    static func properties(of tier: JSONValue) -> [String: String] {
        let others = tier.members.filter { $0.key != "limits" && $0.value != .null }
        return Dictionary(uniqueKeysWithValues: others.map { ($0.key, $0.value.text) })
    }

    /// The settings of a tier other than its limits, such as `name Basic`.
    static func words(ofProperties properties: [String: String]) -> [String] {
        properties.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    }

    /// A tier or an account: its limits, and then everything else that is set.
    static func tier(_ tier: JSONValue) -> String {
        let limits = limits(tier["limits"]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let others = words(ofProperties: properties(of: tier))
        return ([limits.isEmpty ? "no limits" : limits.joined(separator: " ")] + others).joined(separator: ", ")
    }

    /// An assignment without its subject: `premium, priority 200`.
    static func assignment(_ value: JSONValue) -> String { value["tier"].text + details(ofAssignment: value) }

    /// The priority of an assignment, and whether it is disabled: `, priority 200`.
    static func details(ofAssignment value: JSONValue) -> String {
        let priority = value["priority"] == .null ? "" : ", priority \(value["priority"].text)"
        return priority + (value["enabled"] == .bool(false) ? ", not enabled" : "")
    }
}
