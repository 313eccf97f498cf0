import TollgateAdmin

extension AdminText {
    /// Formats a user's tier, the reason for it, and the usage of each limit.
    static func user(_ answer: JSONValue) -> String {
        var lines = ["user      \(answer["user"].text)", "tier      \(tier(of: answer["tier"]))"]
        for candidate in answer["candidates"].array.dropFirst() {
            lines.append(
                "not       \(candidate["tier"].text) via \(candidate["id"].text), priority \(candidate["priority"].text)"
            )
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
        return (lines.map(JSONValue.printable) + ["", usage(answer["limits"].array)]).joined(separator: "\n")
    }

    private static func tier(of choice: JSONValue) -> String {
        guard choice != .null else { return "none" }
        let name = choice["name"].string.map { " (\($0))" } ?? ""
        return "\(choice["id"].text)\(name) via \(choice["via"].text), priority \(choice["priority"].text)"
    }

    private static func usage(_ items: [JSONValue]) -> String {
        var table = Table(
            ["limit", "max", "used", "held", "remaining", "percent", "resets at", "mode", "source"],
            amounts: ["max", "used", "held", "remaining", "percent"])
        for item in items {
            table.add(
                [item["limit"].text, max(item["max"])]
                    + ["used", "held", "remaining", "percent", "resets_at", "mode", "source"].map { item[$0].text })
        }
        return table.isEmpty ? "no limits" : table.text
    }
}
