import TollgateAdmin

/// Formats lists of the settings of administrators.
extension AdminText {
    static func assignments(_ answer: JSONValue, on terminal: Terminal? = nil) -> String {
        var table = Table(["subject", "tier", "priority", "enabled", "origin"], amounts: ["priority"])
        for item in answer["items"].array {
            table.add([
                item["id"].text, item["tier"].text, item["priority"].text,
                item["enabled"] == .bool(false) ? "no" : "yes", item["origin"].text,
            ])
        }
        return list(table, of: answer, none: "no assignments", on: terminal)
    }

    static func overrides(_ answer: JSONValue, on terminal: Terminal? = nil) -> String {
        var table = Table(["scope", "override", "until", "reason"], whole: ["until"])
        for item in answer["items"].array {
            table.add([item["scope"].text, changes(of: item), item["expires_at"].text, item["reason"].text])
        }
        return list(table, of: answer, none: "no overrides", on: terminal)
    }

    /// Formats the limits that administrators have set, of all scopes.
    static func limitsOfScopes(_ answer: JSONValue, on terminal: Terminal? = nil) -> String {
        var table = Table(["scope", "limits", "version"], amounts: ["version"])
        for item in answer["items"].array {
            table.add([item["scope"].text, limits(item["limits"]), item["version"].text])
        }
        return list(table, of: answer, none: "no limits set by administrators", on: terminal)
    }
}
