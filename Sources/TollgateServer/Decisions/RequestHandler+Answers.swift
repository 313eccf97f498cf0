import NIOCore
import TollgateCore
import TollgateLedger
import TollgateWire

extension RequestHandler {
    func ledgerAnswered(ticket: Int, with answer: borrowing Answer) {
        if let error = RequestError(answer) { return fillFault(ticket, error) }
        count(answer.outcome)
        fill(ticket) { buffer in
            framing.beginReply(&buffer)
            DecisionText.write(answer, to: &buffer)
            framing.endReply(&buffer)
        }
    }

    private func fillFault(_ ticket: Int, _ error: RequestError) {
        worker.counts.errors += 1
        fill(ticket) { framing.writeError(error, to: &$0) }
    }

    private func count(_ outcome: Answer.Outcome) {
        switch outcome {
        case .allow: worker.counts.allowed += 1
        case .deny: worker.counts.denied += 1
        case .ok, .late: worker.counts.applied += 1
        case .duplicate: worker.counts.duplicates += 1
        case .queued: worker.counts.queued += 1
        case .broken, .overfull, .conflict: break
        }
    }

    /// The rules for when Redis is slow or away: a decision may pass where no limit on its way fails closed. Never after an
    /// error of the script or of the sidecar itself.
    func ledgerFailed(ticket: Int, of operation: FailedOperation, with failure: LedgerFailure) {
        fill(ticket) { buffer in
            guard operation.verb.isDecision, failure.isOutage else { return writeError(of: failure, to: &buffer) }
            // To whoever asks for a decision it is one whether Redis is away or too slow; a RECORD past the deadline may have
            // been applied, and says `timeout`.
            guard !operation.failsClosed else { return writeError(of: failure.asUnavailable, to: &buffer) }
            worker.counts.degraded += 1
            framing.beginReply(&buffer)
            let ledger = worker.ledger
            let reservation = operation.terms?.reserving?.made(at: ledger.redisTime, hits: 0)
            DecisionText.writeDegraded(token: reservation.map { ledger.keyring.tokens.token(of: $0) }, to: &buffer)
            framing.endReply(&buffer)
        }
    }
}

extension RequestHandler {
    func writeError(of failure: LedgerFailure, to buffer: inout ByteBuffer) {
        worker.counts.errors += 1
        framing.writeError(RequestError(failure), to: &buffer)
    }
}

extension RequestError {
    /// What is wrong with an operation that the script did not apply; nil where it did.
    init?(_ answer: borrowing Answer) {
        switch answer.outcome {
        case .allow, .deny, .ok, .duplicate, .late, .queued: return nil
        case .broken, .overfull, .conflict: break
        }
        let scope = answer.limit.map { "\($0.plan.scope)" } ?? "a scope"
        switch answer.outcome {
        case .broken: self.init(.internal, "the key of \(scope) in Redis is not a hash")
        case .overfull: self.init(.badRequest, "RESERVE: \(scope) would hold more than can be counted")
        default: self.init(.conflict, "id: used before for other amounts")
        }
    }

    init(_ failure: LedgerFailure) {
        switch failure {
        case .unavailable(let why): self.init(.unavailable, "Redis: \(why)")
        case .unsupported(let why): self.init(.unavailable, why)
        case .timeout: self.init(.timeout, "no answer from Redis within the deadline")
        case .busy: self.init(.busy, "too many requests are waiting for Redis")
        case .refused(let why), .internal(let why): self.init(.internal, why)
        }
    }
}

extension LedgerFailure {
    fileprivate var asUnavailable: LedgerFailure {
        self == .timeout ? .unavailable("no answer within the deadline") : self
    }
}
