import TollgateAdmin
import TollgateStores

/// Formats the usage of scopes for the terminal.
enum UsageText {
    private static let amber = 33
    private static let red = 31

    /// Formats the usage of one scope.
    static func scope(_ answer: JSONValue, on terminal: Terminal?) -> String {
        let scope = JSONValue.printable(answer["scope"].text)
        let limits = answer["limits"].array
        return limits.isEmpty ? "\(scope): no limits" : "\(scope)\n\n" + table(limits, on: terminal)
    }

    /// Formats limits with their usage as a table.
    static func table(_ limits: [JSONValue], on terminal: Terminal?) -> String {
        var table = Table(
            ["limit", "used", "held", "max", "remaining", "%", "resets UTC", "source"],
            amounts: ["used", "held", "max", "remaining", "%"], whole: ["limit", "resets UTC"])
        for limit in limits {
            table.add(
                [
                    name(of: limit), limit["used"].text, limit["held"].text, AdminText.max(limit["max"]),
                    limit["remaining"].text, percent(of: limit), minute(limit["resets_at"]), limit["source"].text,
                ], colour: colour(of: limit))
        }
        return table.isEmpty ? "no limits" : table.text(on: terminal)
    }

    /// Formats a page of the scopes of a kind: the usage of today if they have a history, and the most used limit.
    static func scopes(_ answer: JSONValue, on terminal: Terminal?) -> String {
        let items = answer["items"].array
        let meters = items.contains { $0["today"] != .null } ? ["requests", "tokens", "cost"] : []
        let amounts = meters.map { meter in
            let values = items.map { $0["today"][meter] }
            // The list does not say the decimals of the policy, which may be 0.
            let hasFractions = values.contains { $0.text.contains(".") }
            return meter == "cost" && hasFractions
                ? ReportAmount.column(values, .cost, decimals: answer["decimals"]) : values.map(\.text)
        }
        var table = Table(
            ["scope"] + meters + ["most used", "%", "last seen UTC"], amounts: Set(meters + ["%"]),
            whole: ["last seen UTC"])
        for (index, item) in items.enumerated() {
            let limit = item["limits"].array.max { share(of: $0) < share(of: $1) }
            table.add(
                [item["scope"].text] + amounts.map { $0[index] } + [
                    limit.map(name) ?? "-", limit.map(percent) ?? "-", minute(item["last_seen"]),
                ], colour: limit.flatMap(colour))
        }
        let title = meters.isEmpty ? "" : "usage of today\n\n"
        return AdminText.list(table, of: answer, none: "no scopes seen", title: title, on: terminal)
    }

    /// Formats a time of the API as month, day and minute.
    static func minute(_ time: JSONValue) -> String {
        guard let text = time.string, text.utf8.count >= 16 else { return time.text }
        return String(text.prefix(16).dropFirst(5)).replacing("T", with: " ")
    }

    private static func name(of limit: JSONValue) -> String {
        limit["limit"].text + (limit["mode"].string == "shadow" ? " (shadow)" : "")
    }

    private static func percent(of limit: JSONValue) -> String {
        isBlocked(limit) ? "blocked" : limit["percent"].text
    }

    private static func isBlocked(_ limit: JSONValue) -> Bool { limit["max"].text == "0" }

    /// Returns the used percentage, for colours and comparisons only.
    private static func share(of limit: JSONValue) -> Double {
        isBlocked(limit) ? 100 : ReportAmount.length(limit["percent"])
    }

    private static func colour(of limit: JSONValue) -> Int? {
        switch share(of: limit) {
        case 100...: red
        case 80..<100: amber
        default: nil
        }
    }
}
