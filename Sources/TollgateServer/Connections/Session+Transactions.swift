import NIOCore
import TollgateWire

/// MULTI and the requests after it, which are all refused up to EXEC or DISCARD: the client expects a transaction that
/// is applied as a whole or not at all. It often sends them in one packet, before it has read that there are no
/// transactions.
extension Session {
    /// The time after which a client that still sends no EXEC is disconnected. It reconnects and goes on.
    private static let maxTransaction = TimeAmount.seconds(5)

    /// Answers a request after a MULTI. Returns false if it is to be handled as usual.
    func refuseInTransaction(_ verb: Verb, _ since: NIODeadline) -> Bool {
        switch verb {
        case .quit: return false
        case .exec:
            refusedTransactionSince = nil
            abortTransaction()
        case .discard:
            refusedTransactionSince = nil
            replyOK()
        case .multi: refuse(RequestError(.badRequest, "MULTI: within another"))
        default:
            refuse(RequestError(.badRequest, "\(verb.name): not carried out, as MULTI is not supported"))
            if since + Self.maxTransaction < .now() { closeAfterReplies() }
        }
        return true
    }

    /// Refuses MULTI, and an EXEC or DISCARD without one.
    func refuseTransaction(_ verb: Verb) {
        guard verb == .multi else { return refuse(RequestError(.badRequest, "\(verb.name): without MULTI")) }
        refusedTransactionSince = .now()
        refuse(RequestError(.badRequest, "MULTI: not supported, and nothing up to EXEC is carried out"))
    }

    /// Replies to EXEC with the error that tells Redis clients that nothing was carried out.
    private func abortTransaction() {
        let sentence: StaticString = "transaction discarded: MULTI is not supported"
        guard framing == .resp else { return refuse(RequestError(.badRequest, "EXEC: \(sentence)")) }
        worker.countError(.badRequest)
        reply { $0.writeString("-EXECABORT \(sentence)\r\n") }
    }
}
