import TollgateAdmin

/// Accounts for the terminal.
enum AccountText {
    /// A row for each account.
    static func list(_ answer: JSONValue, on terminal: Terminal? = nil) -> String {
        var table = Table(
            [
                "account", "provider", "status", "read", "own requests", "own tokens", "own cost", "requests", "tokens",
                "cost",
            ],
            amounts: ["own requests", "own tokens", "own cost", "requests", "tokens", "cost"],
            whole: ["read", "status"],
            optional: ["own requests", "requests", "read"])
        for account in answer["items"].array {
            let (own, reported) = (account["own"], account["reported"])
            table.add([
                account["id"].text, account["provider"].text, status(account),
                time(account["last_success_at"]), own["requests"].text, own["tokens"].text, own["cost"].text,
                reported["requests"].text, reported["tokens"].text, reported["cost_usd"].text,
            ])
        }
        guard !table.isEmpty else { return "no accounts; see tollgate account set, and accounts: of the policy file" }
        let failures = answer["items"].array.compactMap { account in
            account["failure"].string.map { JSONValue.printable("\(account["id"].text): \($0)") }
        }
        return
            ([table.text(on: terminal)] + failures.map { terminal?.fitted($0, indent: 2).joined(separator: "\n") ?? $0 })
            .joined(separator: "\n")
    }

    /// A line for each property, and a row for each day and quota.
    static func account(_ account: JSONValue, on terminal: Terminal? = nil) -> String {
        var lines = [
            "account       \(account["id"].text), \(account["provider"].text)\(origin(account))",
            "status        \(status(account))\(isExhausted(account) ? ": requests that name it are denied" : "")",
        ]
        if let bound = account["bind"].string { lines.append("bound to      provider:\(bound)") }
        if let failure = account["failure"].string {
            lines.append("failure       since \(time(account["failing_since"])): \(failure)")
        }
        lines += [
            "read          \(time(account["last_success_at"])), next \(time(account["next_attempt_at"]))"
                + (account["sync_requested"] == .bool(true) ? ", requested" : ""),
            "period        \(account["period"]["from"].text) to \(account["period"]["to"].text)",
            "own           \(amounts(account["own"], cost: "cost"))",
            "provider      \(amounts(account["reported"], cost: "cost_usd"))",
        ]
        for item in account["usage"].array where item["max"] != .null {
            lines.append("limit         \(item["limit"].text): \(item["used"].text) of \(item["max"].text)")
        }
        var parts = [lines.map(JSONValue.printable).joined(separator: "\n")]
        var quotas = Table(["quota", "used", "limit", "remaining", "resets"], amounts: ["used", "limit", "remaining"])
        for quota in account["quotas"].array {
            let unit = quota["unit"].string == "usd" ? " USD" : ""
            quotas.add([
                quota["name"].text + unit, quota["used"].text, quota["limit"].text, quota["remaining"].text,
                quota["resets_at"].text,
            ])
        }
        if !quotas.isEmpty { parts.append(quotas.text(on: terminal)) }
        var days = Table(
            ["day", "requests", "input", "cache read", "cache write", "output", "cost"],
            amounts: ["requests", "input", "cache read", "cache write", "output", "cost"], whole: ["day"])
        for (day, figures) in account["days"].members.sorted(by: { $0.key > $1.key }) {
            days.add([
                day, figures["requests"].text, figures["input_tokens"].text, figures["cache_read_tokens"].text,
                figures["cache_write_tokens"].text, figures["output_tokens"].text, figures["cost_usd"].text,
            ])
        }
        if !days.isEmpty { parts.append(days.text(on: terminal)) }
        return parts.joined(separator: "\n\n")
    }

    /// The settings of an account after a change: `main: no limits, billing_day 15, … (version 5)`.
    static func settings(_ account: JSONValue) -> String {
        let settings = SettingText.tier(account["settings"])
        let ofFile = account["usage"].array.count { $0["origin"].string == "file" && $0["max"] != .null }
        let others = ofFile == 0 ? "" : "; \(ofFile) \(ofFile == 1 ? "limit" : "limits") of the policy file in force"
        return "\(account["id"].text): \(settings) (version \(account["version"].text))\(others)"
    }

    private static func origin(_ account: JSONValue) -> String {
        account["origin"].string == "admin" ? ", set by an administrator (version \(account["version"].text))" : ""
    }

    /// The state of the figures, and whether the account is exhausted.
    private static func status(_ account: JSONValue) -> String {
        account["status"].text + (isExhausted(account) ? ", exhausted" : "")
    }

    private static func isExhausted(_ account: JSONValue) -> Bool { account["exhausted"] == .bool(true) }

    /// A time to the second, or `never`.
    static func time(_ time: JSONValue) -> String {
        guard let text = time.string else { return "never" }
        return text.prefix { $0 != "." } + (text.contains(".") ? "Z" : "")
    }

    private static func amounts(_ side: JSONValue, cost: String) -> String {
        guard side != .null else { return "no figures" }
        return "\(side["requests"].text) requests, \(side["tokens"].text) tokens, cost \(side[cost].text)"
    }
}
