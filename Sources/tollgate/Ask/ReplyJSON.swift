import TollgateClient
import TollgateCore
import TollgatePolicy
import TollgateWire

/// A reply as JSON. Amounts remain decimal text, as in the protocol.
enum ReplyJSON {
    private struct Answer: Encodable {
        var reply: String
        var code: String?
        var message: String?
        var reason: String?
        var limit: String?
        var max: String?
        var used: String?
        var held: String?
        var remaining: String?
        var reset: Double?
        var retryAfter: Double?
        var source: String?
        var degraded: Bool?
        var shadow: [String]?
        var warn: [String]?
        var reservation: String?
        var late: Bool?
        var duplicate: Bool?
        var queued: Bool?
    }

    static func text(_ reply: Reply) throws -> String {
        if case .json(let text) = reply { return text }
        return try CanonicalJSON.text(answer(reply), keys: .snakeCase)
    }

    private static func answer(_ reply: Reply) -> Answer {
        switch reply {
        case .decision(let decision): answer(decision)
        case .ok(let fields): answer(Receipt(fields))
        case .pong: Answer(reply: "PONG")
        case .error(let code, let sentence): Answer(reply: "ERR", code: code, message: sentence)
        case .json(let text), .alert(let text): Answer(reply: text)
        }
    }

    private static func answer(_ decision: Decision) -> Answer {
        Answer(
            reply: decision.allowed ? "ALLOW" : "DENY", reason: decision.reason?.rawValue, limit: decision.limit,
            max: decision.max?.description, used: decision.used?.description, held: decision.held?.description,
            remaining: decision.remaining?.description, reset: decision.resetAfter, retryAfter: decision.retryAfter,
            source: decision.source, degraded: decision.isDegraded ? true : nil,
            shadow: decision.shadow.isEmpty ? nil : decision.shadow,
            warn: texts(decision.warnings), reservation: decision.reservation)
    }

    private static func answer(_ receipt: Receipt) -> Answer {
        Answer(
            reply: "OK", warn: texts(receipt.warnings), late: receipt.isLate ? true : nil,
            duplicate: receipt.isDuplicate ? true : nil, queued: receipt.isQueued ? true : nil)
    }

    private static func texts(_ warnings: [LimitWarning]) -> [String]? {
        warnings.isEmpty ? nil : warnings.map(\.description)
    }
}
