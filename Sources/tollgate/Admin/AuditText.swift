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
        case "tier.set" where before == .null: "created tier \(target): \(SettingText.tier(after))"
        case "tier.set": setting("tier \(target)", before, after)
        case "tier.delete": "deleted tier \(target) (was \(SettingText.tier(before)))"
        case "account.set" where before == .null: "created account \(target): \(SettingText.tier(after))"
        case "account.set": setting("account \(target)", before, after)
        case "account.delete": "deleted account \(target) (was \(SettingText.tier(before)))"
        case "assignment.set":
            "assigned tier \(after["tier"].text) to \(target)\(SettingText.details(ofAssignment: after))"
                + was(before, SettingText.assignment)
        case "assignment.delete": "unassigned \(target)\(was(before, SettingText.assignment))"
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
        case "log_level.set":
            "set the log level of \(target) to \(AdminText.logLevel(after))\(was(before, AdminText.logLevel))"
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
        let (old, new) = (SettingText.limits(before), SettingText.limits(after))
        var clauses: [String] = []
        for (name, text) in new where old[name] != text {
            clauses.append("set limit \(name) of \(scope) to \(text)" + (old[name].map { " (was \($0))" } ?? ""))
        }
        for (name, text) in old where new[name] == nil {
            clauses.append("deleted limit \(name) of \(scope) (was \(text))")
        }
        return clauses.isEmpty
            ? "left the limits of \(scope) unchanged" : clauses.sorted().joined(separator: ", ")
    }

    /// Describes a reset by the counters before it.
    private static func reset(of scope: String, _ before: JSONValue) -> String {
        let counters = before.members.map { name, value in "\(name) (was \(value.text))" }
        return "reset \(scope): \(counters.joined(separator: ", "))"
    }

    // MARK: - Tiers, accounts and overrides

    private static func setting(_ name: String, _ before: JSONValue, _ after: JSONValue) -> String {
        let changes = changes(before, after)
        return changes.isEmpty ? "left \(name) unchanged" : "changed \(name): \(changes)"
    }

    /// Describes each setting of a tier or an account that differs. Empty if none does.
    private static func changes(_ before: JSONValue, _ after: JSONValue) -> String {
        let settings = [before, after].map { tier in
            (limits: SettingText.limits(tier["limits"]), others: SettingText.properties(of: tier))
        }
        func clauses(_ old: [String: String], _ new: [String: String]) -> [String] {
            Set(old.keys).union(new.keys).sorted().compactMap { change(of: $0, old[$0], new[$0]) }
        }
        return (clauses(settings[0].limits, settings[1].limits) + clauses(settings[0].others, settings[1].others))
            .joined(separator: ", ")
    }

    private static func change(of name: String, _ old: String?, _ new: String?) -> String? {
        switch (old, new) {
        case (let old?, let new?): old == new ? nil : "\(name) to \(new) (was \(old))"
        case (nil, let new?): "\(name) to \(new) (was not set)"
        case (let old?, nil): "removed \(name) (was \(old))"
        case (nil, nil): nil
        }
    }

    private static func override(_ value: JSONValue) -> String {
        "\(AdminText.changes(of: value)) until \(value["expires_at"].text): \(value["reason"].text)"
    }
}
