import TollgateAdmin
import TollgatePolicy
import TollgateWire

/// A reply as JSON, in the form of the admin API: money is text, and all other amounts are numbers.
enum ReplyJSON {
    /// An error: the fields of the API's problems that the line protocol has, too.
    private struct Problem: Encodable {
        var code: String
        var detail: String
    }

    static func text(_ reply: Reply, to verb: Verb) throws -> String {
        switch reply {
        case .decision(let decision): try CanonicalJSON.text(DecisionView(decision))
        case .ok(let fields): try CanonicalJSON.text(ReceiptView(verb, fields))
        case .pong: try CanonicalJSON.text(["status": "ok"])
        case .error(let code, let sentence): try CanonicalJSON.text(Problem(code: code, detail: sentence))
        case .json(let text), .alert(let text): text
        }
    }
}
