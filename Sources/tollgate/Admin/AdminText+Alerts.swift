import TollgateAdmin
import TollgateCore

extension AdminText {
    static func alerts(_ answer: JSONValue, on terminal: Terminal? = nil) -> String {
        var table = Table(
            ["opened", "severity", "scope", "limit", "used", "max", "%", "state", "id"], amounts: ["used", "max", "%"],
            whole: ["opened", "limit", "id"], optional: ["used", "max", "severity", "opened"])
        for alert in answer["items"].array {
            table.add([
                opened(alert, on: terminal), alert["severity"].text, alert["scope"].text, limit(of: alert),
                alert["used"].text, alert["max"].text, alert["percent"].text, alert["state"].text, alert["id"].text,
            ])
        }
        return list(table, of: answer, none: "no alerts", on: terminal)
    }

    /// Formats the time at which an alert was opened, at a terminal as `11-20 18:20Z`.
    private static func opened(_ alert: JSONValue, on terminal: Terminal?) -> String {
        let time = alert["opened_at"]
        return terminal?.isTerminal == true ? minute(time) : second(time)
    }

    /// The time as `11-20 18:20Z`, or `-` for null.
    private static func minute(_ time: JSONValue) -> String {
        time == .null ? time.text : UsageText.minute(time) + "Z"
    }

    /// Formats one alert, with one line per property.
    static func alert(_ alert: JSONValue) -> String {
        let period = alert["period_id"].string.map { " of \($0)" } ?? ""
        let shadow = alert["mode"].string == "shadow" ? ", in shadow" : ""
        var lines = [
            "id            \(alert["id"].text)",
            "scope         \(alert["scope"].text)",
            "limit         \(limit(of: alert))\(period), \(alert["max"].text) by \(alert["source"].text)\(shadow)",
            "used          \(alert["used"].text), \(alert["percent"].text) %, past \(alert["threshold"].text) %",
            "severity      \(alert["severity"].text), \(alert["type"].text)",
            "state         \(alert["state"].text)",
            "opened        \(alert["opened_at"].text)",
        ]
        switch alert["type"].string.flatMap(Alert.Kind.init) {
        case .unknownModel: lines.replaceSubrange(2...3, with: ["price         not known\(period)"])
        case .drift:
            let sides = "\(alert["used"].text) is ours, \(alert["max"].text) the provider's"
            lines.replaceSubrange(
                2...3,
                with: [
                    "drift         \(alert["meter"].text)\(period), past \(alert["threshold"].text) %",
                    "amounts       \(sides)",
                ])
        case .approachingLimit, .quotaExceeded, nil: break
        }
        for verb in ["acknowledged", "resolved"] where alert["\(verb)_at"] != .null {
            let name = verb + String(repeating: " ", count: 14 - verb.count)
            let reason = verb == "resolved" ? alert["reason"].string.map { ", \($0)" } ?? "" : ""
            lines.append("\(name)\(alert["\(verb)_at"].text) by \(alert["\(verb)_by"].text)\(reason)")
        }
        lines.append("ends          \(alert["ends_at"].text)")
        return lines.map(JSONValue.printable).joined(separator: "\n")
    }

    /// Formats the change of an alert.
    static func alertChange(_ alert: JSONValue) -> String {
        let condition =
            switch alert["type"].string.flatMap(Alert.Kind.init) {
            case .unknownModel: "price of \(alert["scope"].text) not known"
            case .drift:
                "\(alert["scope"].text) \(alert["meter"].text) of \(alert["period_id"].text) drift past \(alert["threshold"].text) %"
            case .approachingLimit, .quotaExceeded, nil: "\(alert["limit"].text) at \(alert["threshold"].text) %"
            }
        return JSONValue.printable("\(alert["id"].text): \(condition), \(alert["state"].text)")
    }

    static func events(_ answer: JSONValue, on terminal: Terminal? = nil) -> String {
        var table = Table(
            ["at", "scope", "limit", "used", "max", "source", "request"], amounts: ["used", "max"],
            whole: ["at", "limit"])
        for event in answer["items"].array {
            // Marked in the column of the limit, because few events are of shadow limits.
            let mark = event["mode"].string == LimitMode.shadow.rawValue ? " (shadow)" : ""
            table.add([
                second(event["at"]), event["scope"].text, limit(of: event) + mark, usedAndHeld(event),
                event["max"].text,
                event["source"].text, event["request"].array.map(\.text).joined(separator: " "),
            ])
        }
        return list(table, of: answer, none: "no events", on: terminal)
    }

    /// Formats usage as `12/3`: used, and held by reservations if anything is.
    private static func usedAndHeld(_ event: JSONValue) -> String {
        let held = event["held"].text
        return event["used"].text + (held == "0" ? "" : "/\(held)")
    }

    /// The name of the limit without its scope.
    private static func limit(of answer: JSONValue) -> String {
        switch answer["type"].string.flatMap(Alert.Kind.init) {
        case .unknownModel: return "price not known"
        case .drift: return "\(answer["meter"].text) drift \(answer["period_id"].text)"
        case .approachingLimit, .quotaExceeded, nil: break
        }
        return answer["meter"].string == "concurrent"
            ? "concurrent" : "\(answer["meter"].text)/\(answer["period"].text)"
    }

    /// The time without milliseconds.
    private static func second(_ time: JSONValue) -> String {
        String(time.text.prefix { $0 != "." }) + (time.text.contains(".") ? "Z" : "")
    }
}

extension AdminText {
    /// Formats a table of the receivers, and one of failed deliveries if there are any.
    static func deliveries(_ answer: JSONValue, on terminal: Terminal? = nil) -> String {
        var receivers = Table(
            ["receiver", "type", "to", "only", "unread", "pending", "failing", "dead letters", "fails since"],
            amounts: ["unread", "pending", "failing", "dead letters"], whole: ["fails since"],
            optional: ["only", "type", "unread"])
        var failures = Table(
            ["receiver", "delivery", "alert", "event", "attempts", "first", "next", "error"],
            whole: ["alert", "first", "next"], optional: ["delivery", "first", "event"])
        func time(_ value: JSONValue) -> String { terminal?.isTerminal == true ? minute(value) : value.text }
        for receiver in answer["items"].array {
            receivers.add([
                receiver["name"].text, receiver["type"].text, receiver["to"].text, only(receiver),
                receiver["unread"].text,
                receiver["pending"].text, receiver["failing_count"].text, receiver["dead_lettered_count"].text,
                time(receiver["outage"]["since"]),
            ])
            for failing in receiver["failing"].array {
                let (first, next) = (time(failing["first_at"]), time(failing["next_at"]))
                failures.add(failure(failing, of: receiver, first: first, next: next, error: failing["last_error"]))
            }
            for deadLettered in receiver["dead_lettered"].array {
                let first = time(deadLettered["first_at"])
                failures.add(
                    failure(
                        deadLettered, of: receiver, first: first, next: "dead letter", error: deadLettered["reason"]))
            }
        }
        if receivers.isEmpty { return "no receivers" }
        let tables = failures.isEmpty ? [receivers] : [receivers, failures]
        return tables.map { $0.text(on: terminal) }.joined(separator: "\n\n")
    }

    private static func failure(
        _ delivery: JSONValue, of receiver: JSONValue, first: String, next: String, error: JSONValue
    ) -> [String] {
        [
            receiver["name"].text, delivery["id"].text, delivery["alert"].text, delivery["event"].text,
            delivery["attempts"].text, first, next, error.text,
        ]
    }

    /// Formats the filters of a receiver, such as `user cost critical`.
    private static func only(_ receiver: JSONValue) -> String {
        let words = ["kinds", "meters", "severities"].flatMap { receiver[$0].array.map(\.text) }
        return words.isEmpty ? "-" : words.joined(separator: " ")
    }
}
