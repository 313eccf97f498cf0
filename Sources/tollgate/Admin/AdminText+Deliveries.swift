import TollgateAdmin

extension AdminText {
    /// Formats a table of the receivers, and one of failed deliveries if there are any.
    static func deliveries(_ answer: JSONValue) -> String {
        var receivers = Table(
            ["receiver", "type", "to", "only", "unread", "pending", "failing", "dead letters", "fails since"],
            amounts: ["unread", "pending", "failing", "dead letters"])
        var failures = Table(["receiver", "delivery", "alert", "event", "attempts", "first", "next", "error"])
        for receiver in answer["items"].array {
            receivers.add([
                receiver["name"].text, receiver["type"].text, receiver["to"].text, only(receiver),
                receiver["unread"].text,
                receiver["pending"].text, receiver["failing_count"].text, receiver["dead_lettered_count"].text,
                receiver["outage"]["since"].text,
            ])
            for failing in receiver["failing"].array {
                failures.add(
                    failure(failing, of: receiver, next: failing["next_at"].text, error: failing["last_error"]))
            }
            for deadLettered in receiver["dead_lettered"].array {
                failures.add(failure(deadLettered, of: receiver, next: "dead letter", error: deadLettered["reason"]))
            }
        }
        if receivers.isEmpty { return "no receivers" }
        return failures.isEmpty ? receivers.text : receivers.text + "\n\n" + failures.text
    }

    private static func failure(
        _ delivery: JSONValue, of receiver: JSONValue, next: String, error: JSONValue
    ) -> [String] {
        [
            receiver["name"].text, delivery["id"].text, delivery["alert"].text, delivery["event"].text,
            delivery["attempts"].text, delivery["first_at"].text, next, error.text,
        ]
    }

    /// Formats the filters of a receiver, such as `user cost critical`.
    private static func only(_ receiver: JSONValue) -> String {
        let words = ["kinds", "meters", "severities"].flatMap { receiver[$0].array.map(\.text) }
        return words.isEmpty ? "-" : words.joined(separator: " ")
    }
}
