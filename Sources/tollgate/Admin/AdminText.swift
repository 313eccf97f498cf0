import TollgateAdmin

/// Formats responses of the API for the terminal.
enum AdminText {
    static func tiers(_ answer: JSONValue, on terminal: Terminal? = nil) -> String {
        var table = Table(["tier", "name", "limits", "calendar", "origin", "version"])
        for tier in answer["items"].array {
            table.add([
                tier["id"].text + disabled(tier), tier["name"].text, limits(tier["limits"]), calendar(tier),
                tier["origin"].text,
                tier["version"].text,
            ])
        }
        let descriptions = answer["items"].array.flatMap { tier in
            guard let description = tier["description"].string else { return [] as [String] }
            let line = JSONValue.printable("\(tier["id"].text): \(description)")
            return terminal?.fitted(line, indent: 2) ?? [line]
        }
        let notes = descriptions.isEmpty ? "" : "\n\n" + descriptions.joined(separator: "\n")
        return table.isEmpty ? "no tiers" : table.text(on: terminal) + notes
    }

    private static func disabled(_ tier: JSONValue) -> String {
        tier["enabled"] == .bool(false) ? " (disabled)" : ""
    }

    static func tier(_ tier: JSONValue) -> String {
        "\(tier["id"].text)\(disabled(tier)): \(limits(tier["limits"]))\(version(tier))"
    }

    static func assignment(_ answer: JSONValue) -> String {
        "\(answer["id"].text): \(SettingText.assignment(answer))\(version(answer))"
    }

    /// Formats the active limits of a scope. Thresholds that administrators have set are a column.
    static func effectiveLimits(_ answer: JSONValue, on terminal: Terminal? = nil) -> String {
        let limits = answer["effective"].array
        let thresholds = limits.map { Self.thresholds(of: $0["limit"].text, in: answer["limits"]) }
        let hasThresholds = thresholds.contains { $0 != nil }
        var table = Table(
            ["limit", "max", "mode"] + (hasThresholds ? ["thresholds"] : []) + ["source", "origin"], amounts: ["max"])
        for (limit, thresholds) in zip(limits, thresholds) {
            table.add(
                [limit["limit"].text, max(limit["max"]), limit["mode"].text]
                    + (hasThresholds ? [thresholds ?? "-"] : []) + [limit["source"].text, limit["origin"].text])
        }
        return table.isEmpty ? "\(answer["scope"].text): no limits" : table.text(on: terminal)
    }

    /// The thresholds that administrators have set for a limit, such as `80 95` or `none`; nil if they have set none.
    private static func thresholds(of name: String, in limits: JSONValue) -> String? {
        let words = name.split(separator: "/").map(String.init)
        guard words.count == 2, case .array(let percentages) = limits[words[0]][words[1]]["thresholds"] else {
            return nil
        }
        return percentages.isEmpty ? "none" : percentages.map(\.text).joined(separator: " ")
    }

    static func override(_ answer: JSONValue, of scope: String) -> String {
        "\(scope): \(changes(of: answer)) until \(answer["expires_at"].text): \(answer["reason"].text)"
    }

    static func reset(_ answer: JSONValue) -> String {
        let names = answer["limits"].array.map(\.text).joined(separator: " ")
        return "\(answer["scope"].text): \(names.isEmpty ? "nothing to reset" : "reset \(names)")"
    }

    static func reservations(_ answer: JSONValue, on terminal: Terminal? = nil) -> String {
        var table = Table(
            ["reservation", "scopes", "tokens", "cost", "age", "ends", "on expiry"],
            amounts: ["tokens", "cost", "age"],
            whole: ["reservation", "ends"])
        for item in answer["items"].array {
            table.add([
                item["id"].text, item["scopes"].array.map(\.text).joined(separator: " "), item["held"]["tokens"].text,
                item["held"]["cost"].text, "\(item["age_seconds"].text) s", item["ends_at"].text,
                expiry(item["on_expiry"].members.map { ($0.key, $0.value.text) }),
            ])
        }
        return list(table, of: answer, none: "no open reservations", on: terminal)
    }

    /// Formats what happens to the tokens and the cost of a reservation when it expires.
    private static func expiry(_ rules: [(part: String, rule: String)]) -> String {
        let charged = rules.filter { $0.rule == "charge" }.map(\.part).sorted(by: >)
        return rules.isEmpty || !charged.isEmpty ? charged.map { "charge \($0)" }.joined(separator: ", ") : "release"
    }

    /// Formats a page of a list, and notes if there are more items.
    static func list(
        _ table: Table, of answer: JSONValue, none: String, title: String = "", on terminal: Terminal? = nil
    ) -> String {
        guard !table.isEmpty else { return none }
        let text = title + table.text(on: terminal)
        return answer["next"] == .null ? text : text + "\nand more: see --limit"
    }

    /// Formats limits as `cost/month=500 requests/1m=60`.
    static func limits(_ limits: JSONValue) -> String {
        let words = limits.members.flatMap { meter, periods in
            meter == "concurrent"
                ? ["concurrent=\(limit(periods))"]
                : periods.members.map { "\(meter)/\($0.key)=\(limit($0.value))" }
        }
        return words.isEmpty ? "no limits" : words.joined(separator: " ")
    }

    /// Formats a limit. One with a mode or thresholds of its own ends with `(shadow thresholds=[80,95])`.
    private static func limit(_ value: JSONValue) -> String {
        guard case .object = value else { return max(value) }
        var words = value["mode"].string == "shadow" ? ["shadow"] : []
        if case .array(let thresholds) = value["thresholds"] {
            words.append("thresholds=[\(thresholds.map(\.text).joined(separator: ","))]")
        }
        return max(value["max"]) + (words.isEmpty ? "" : "(\(words.joined(separator: " ")))")
    }

    static func max(_ value: JSONValue) -> String { value == .null ? "unlimited" : value.text }

    /// Formats the changes of an override as `requests/1m=100 cost/month+50`.
    static func changes(of override: JSONValue) -> String {
        let absolute = override["limits"].members.isEmpty ? [] : [limits(override["limits"])]
        let added = override["add"].members.map { "\($0.key)+\($0.value.text)" }
        return (absolute + added).joined(separator: " ")
    }

    /// Formats the calendar of a tier, such as `America/New_York 06:00 day 15`.
    private static func calendar(_ tier: JSONValue) -> String {
        let hour = tier["reset_hour"] == .null ? nil : "\(tier["reset_hour"].text):00"
        let day = tier["billing_day"] == .null ? nil : "day \(tier["billing_day"].text)"
        let words = [tier["timezone"].string, hour, day].compactMap { $0 }
        return words.isEmpty ? "-" : words.joined(separator: " ")
    }

    private static func version(_ answer: JSONValue) -> String {
        answer["version"] == .null ? "" : " (version \(answer["version"].text))"
    }
}

extension AdminText {
    /// Formats a user's tier, the reason for it, and the usage of each limit.
    static func user(_ answer: JSONValue, on terminal: Terminal? = nil) -> String {
        var lines = ["user      \(answer["user"].text)", "tier      \(tier(of: answer["tier"]))"]
        for candidate in answer["candidates"].array.dropFirst() {
            lines.append(
                "not       \(candidate["tier"].text) via \(candidate["id"].text), priority \(candidate["priority"].text)"
            )
        }
        for skipped in answer["skipped"].array {
            lines.append(
                "skipped   \(skipped["tier"].text) via \(skipped["id"].text): \(reason(skipped["reason"].text))")
        }
        let calendar = answer["calendar"]
        lines.append(
            "calendar  \(calendar["timezone"].text), days from \(calendar["reset_hour"].text):00, months from day \(calendar["billing_day"].text)"
        )
        let override = answer["override"]
        if override != .null {
            let changes = changes(of: override)
            lines.append("override  \(changes) until \(override["expires_at"].text): \(override["reason"].text)")
        }
        let head = lines.map(JSONValue.printable).flatMap { terminal?.fitted($0, indent: 10) ?? [$0] }
        return (head + ["", UsageText.table(answer["limits"].array, on: terminal)]).joined(separator: "\n")
    }

    private static func reason(_ code: String) -> String {
        switch code {
        case "tier_disabled": "the tier is disabled"
        case "tier_missing": "there is no such tier"
        case "assignment_disabled": "the assignment is disabled"
        default: code
        }
    }

    private static func tier(of choice: JSONValue) -> String {
        guard choice != .null else { return "none" }
        let name = choice["name"].string.map { " (\($0))" } ?? ""
        return "\(choice["id"].text)\(name) via \(choice["via"].text), priority \(choice["priority"].text)"
    }
}
