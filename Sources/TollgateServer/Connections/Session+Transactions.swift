import NIOCore
import TollgateWire

/// MULTI is refused, and with it all that follows up to EXEC or DISCARD: a client sends that in the belief that it is carried out as
/// a whole or not at all, and often in the same packet, before it has read that there are no transactions here.
extension Session {
    /// A client that has read the refusal may never send EXEC. It connects anew, and goes on.
    private static let maxTransaction = TimeAmount.seconds(5)

    /// Answers a request that comes after a MULTI; false where it is to be handled as usual.
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

    /// MULTI, and EXEC and DISCARD without one before them.
    func refuseTransaction(_ verb: Verb) {
        guard verb == .multi else { return refuse(RequestError(.badRequest, "\(verb.name): without MULTI")) }
        refusedTransactionSince = .now()
        refuse(RequestError(.badRequest, "MULTI: not supported, and nothing up to EXEC is carried out"))
    }

    /// The reply to EXEC by which Redis clients know that nothing was carried out.
    private func abortTransaction() {
        let sentence: StaticString = "transaction discarded: MULTI is not supported"
        guard framing == .resp else { return refuse(RequestError(.badRequest, "EXEC: \(sentence)")) }
        worker.counts.errors += 1
        reply { $0.writeString("-EXECABORT \(sentence)\r\n") }
    }
}
