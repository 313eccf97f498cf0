import TollgateAdmin

extension AdminText {
    /// A table of the handlers, and one of the deliveries that have failed, if any.
    static func deliveries(_ answer: JSONValue) -> String {
        var handlers = Table(
            ["handler", "type", "to", "only", "unread", "pending", "failing", "parked", "fails since"],
            amounts: ["unread", "pending", "failing", "parked"])
        var failures = Table(["handler", "delivery", "alert", "event", "attempts", "first", "next", "error"])
        for handler in answer["items"].array {
            handlers.add([
                handler["name"].text, handler["type"].text, handler["to"].text, only(handler), handler["unread"].text,
                handler["pending"].text, handler["failing_count"].text, handler["parked_count"].text,
                handler["outage"]["since"].text,
            ])
            for failing in handler["failing"].array {
                failures.add(failure(failing, of: handler, next: failing["next_at"].text, error: failing["last_error"]))
            }
            for parked in handler["parked"].array {
                failures.add(failure(parked, of: handler, next: "parked", error: parked["reason"]))
            }
        }
        if handlers.isEmpty { return "no handlers" }
        return failures.isEmpty ? handlers.text : handlers.text + "\n\n" + failures.text
    }

    private static func failure(
        _ delivery: JSONValue, of handler: JSONValue, next: String, error: JSONValue
    ) -> [String] {
        [
            handler["name"].text, delivery["id"].text, delivery["alert"].text, delivery["event"].text,
            delivery["attempts"].text, delivery["first_at"].text, next, error.text,
        ]
    }

    /// `user cost critical`
    private static func only(_ handler: JSONValue) -> String {
        let words = ["kinds", "meters", "severities"].flatMap { handler[$0].array.map(\.text) }
        return words.isEmpty ? "-" : words.joined(separator: " ")
    }
}
