package import TollgateWire

/// The response to a verb without a decision:
/// `{"status":"ok","duplicate":false,"queued":false,"warnings":["user:alice/cost/day:80"]}`
package struct ReceiptView: Encodable {
    var status = "ok"
    var duplicate: Bool
    var queued: Bool
    /// Whether the reservation had expired. Nil for verbs other than COMMIT and CANCEL.
    var late: Bool?
    var warnings: [String]
    /// The cost that was computed by the prices, as decimal text; nil for none.
    var cost: String?
    /// `unknown` if the price of the model, or of an item of the request, is not known; nil otherwise.
    var price: String?

    /// Creates the response from the fields of an `OK`.
    package init(_ verb: Verb, _ fields: [Reply.Field]) {
        func isSet(_ key: String) -> Bool { fields.contains { $0.key == key && $0.value == "1" } }
        duplicate = isSet("duplicate")
        queued = isSet("queued")
        late = verb == .commit || verb == .cancel ? isSet("late") : nil
        let warnings = fields.first { $0.key == "warn" }.map { ReplyParser.warnings(in: $0.value) } ?? []
        self.warnings = warnings.map(\.description)
        cost = fields.first { $0.key == "cost" }?.value
        price = fields.first { $0.key == "price" }?.value
    }
}
