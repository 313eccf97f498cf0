import TollgateAdmin
import TollgateCore

/// Formats the audit log for the terminal: each change as a sentence.
enum AuditText {
    /// Formats a page of changes. At a terminal, long sentences are wrapped.
    static func table(_ answer: JSONValue, on terminal: Terminal? = nil) -> String {
        let entries = answer["items"].array
        guard !entries.isEmpty else { return "no changes" }
        var labels = Table(["version", "at"])
        for entry in entries { labels.add([entry["version"].text, entry["at"].text]) }
        let heads = labels.text.split(separator: "\n").map(String.init)
        let indent = (heads.map(\.count).max() ?? 0) + 2
        var lines: [String] = []
        for (head, sentence) in zip(heads, ["change"] + entries.map(sentence)) {
            let gap = String(repeating: " ", count: indent - head.count)
            let line = head + gap + JSONValue.printable(sentence)
            lines += terminal?.fitted(line, indent: indent) ?? [line]
        }
        if answer["next"] != .null { lines.append("and more: see --limit") }
        return lines.joined(separator: "\n")
    }

    /// Describes a change, such as `alice set limit requests/1m of tool:search to 10 (was 5)`.
    static func sentence(_ entry: JSONValue) -> String {
        let who = entry["who"].text + (entry["from"].text == "unix" ? "" : " (\(entry["from"].text))")
        return "\(who) \(change(entry["action"].text, entry["target"].text, entry["before"], entry["after"]))"
    }

    private static func change(_ action: String, _ target: String, _ before: JSONValue, _ after: JSONValue) -> String {
        switch action {
        case "tier.set" where before == .null: "created tier \(target): \(settings(after))"
        case "tier.set": "changed tier \(target): \(changes(before, after))"
        case "tier.delete": "deleted tier \(target) (was \(settings(before)))"
        case "assignment.set":
            "assigned tier \(after["tier"].text) to \(target)\(details(of: after))\(was(before, assignment))"
        case "assignment.delete": "unassigned \(target)\(was(before, assignment))"
        case "limits.set": limits(of: target, before, after)
        case "limits.delete": "deleted all limits of \(target)\(was(before, AdminText.limits))"
        case "override.set": "set the override of \(target) to \(override(after))\(was(before, override))"
        case "override.clear": "ended the override of \(target)\(was(before, override))"
        case "scope.reset": reset(of: target, before)
        case "reservation.cancel": "cancelled reservation \(before["id"].text) of \(target)"
        case "alert.acknowledge": "acknowledged alert \(target)"
        case "alert.resolve": "resolved alert \(target)"
        case "delivery.test":
            "tested receiver \(target): " + (after["error"].string ?? "delivered")
        case "delivery.retry":
            "retried receiver \(target): \(after["retried"].text) failed, \(after["requeued"].text) dead-lettered"
        case "redis.data_loss": "noticed that Redis has lost data of namespace \(target)"
        // An action of a later version.
        default: "did \(action) of \(target)" + (after == .null ? "" : ": \(after.text)")
        }
    }

    private static func was(_ before: JSONValue, _ text: (JSONValue) -> String) -> String {
        before == .null ? "" : " (was \(text(before)))"
    }

    // MARK: - Limits

    /// Describes each limit that differs.
    private static func limits(of scope: String, _ before: JSONValue, _ after: JSONValue) -> String {
        let (old, new) = (limits(before), limits(after))
        var clauses: [String] = []
        for (name, text) in new where old[name] != text {
            clauses.append("set limit \(name) of \(scope) to \(text)" + (old[name].map { " (was \($0))" } ?? ""))
        }
        for (name, text) in old where new[name] == nil {
            clauses.append("deleted limit \(name) of \(scope) (was \(text))")
        }
        return clauses.isEmpty
            ? "set the limits of \(scope) to what they were" : clauses.sorted().joined(separator: ", ")
    }

    /// The limits by name, each with its maximum and everything else that is set.
    private static func limits(_ value: JSONValue) -> [String: String] {
        let pairs = value.members.flatMap { meter, periods in
            meter == Meter.concurrent.name
                ? [(meter, limit(periods))] : periods.members.map { ("\(meter)/\($0.key)", limit($0.value)) }
        }
        return Dictionary(pairs) { first, _ in first }
    }

    private static func limit(_ value: JSONValue) -> String {
        guard case .object = value else { return AdminText.max(value) }
        let others = value.members.filter { $0.key != "max" && $0.value != .null }
        return ([AdminText.max(value["max"])] + others.map { "\($0.key) \($0.value.text)" }).joined(separator: " ")
    }

    /// Describes a reset by the counters before it, in which money is in nano-units.
    private static func reset(of scope: String, _ before: JSONValue) -> String {
        let counters = before.members.map { name, value in
            let isMoney = name.hasPrefix("\(Meter.cost.name)/")
            let amount = isMoney ? Int64(value.text).map { Meter.cost.text($0) } : nil
            return "\(name) (was \(amount ?? value.text))"
        }
        return "reset \(scope): \(counters.joined(separator: ", "))"
    }

    // MARK: - Tiers, assignments and overrides

    /// Formats the settings of a tier: its limits, and everything else that is set.
    private static func settings(_ tier: JSONValue) -> String {
        ([AdminText.limits(tier["limits"])] + others(tier).map { "\($0.key) \($0.value.text)" }).joined(separator: ", ")
    }

    private static func others(_ tier: JSONValue) -> [(key: String, value: JSONValue)] {
        tier.members.filter { $0.key != "limits" && $0.value != .null }
    }

    /// Describes each setting of a tier that differs.
    private static func changes(_ before: JSONValue, _ after: JSONValue) -> String {
        let (old, new) = (limits(before["limits"]), limits(after["limits"]))
        var changes = Set(old.keys).union(new.keys).sorted().compactMap { name in
            change(of: name, old[name], new[name])
        }
        let (oldOthers, newOthers) = (others(before), others(after))
        for key in Set((oldOthers + newOthers).map(\.key)).sorted() {
            let texts = [oldOthers, newOthers].map { list in list.first { $0.key == key }?.value.text }
            if let text = change(of: key, texts[0], texts[1]) { changes.append(text) }
        }
        return changes.isEmpty ? "nothing" : changes.joined(separator: ", ")
    }

    private static func change(of name: String, _ old: String?, _ new: String?) -> String? {
        switch (old, new) {
        case (let old?, let new?): old == new ? nil : "\(name) to \(new) (was \(old))"
        case (nil, let new?): "\(name) to \(new) (was not set)"
        case (let old?, nil): "removed \(name) (was \(old))"
        case (nil, nil): nil
        }
    }

    private static func assignment(_ value: JSONValue) -> String { value["tier"].text + details(of: value) }

    private static func details(of assignment: JSONValue) -> String {
        let priority = assignment["priority"] == .null ? "" : ", priority \(assignment["priority"].text)"
        return priority + (assignment["enabled"] == .bool(false) ? ", not enabled" : "")
    }

    private static func override(_ value: JSONValue) -> String {
        "\(AdminText.changes(of: value)) until \(value["expires_at"].text): \(value["reason"].text)"
    }
}
