import NIOCore
import TollgateCore
import TollgateLedger
import TollgateWire

extension Session {
    /// Hands the request that was read on by its verb.
    func handleRequest() {
        let verb = reader.request.verb
        guard isAuthenticated || verb.needsNoToken else {
            return refuse(RequestError(.unauthenticated, "AUTH with the token first"))
        }
        switch verb {
        case .check: submit(.check)
        case .peek: submit(.peek)
        case .record: submit(.record)
        case .refund: submit(.refund)
        default: handleOther(reader.request)
        }
    }

    private func handleOther(_ request: Request) {
        switch request.verb {
        case .check, .peek, .record, .refund: break
        case .reserve, .commit, .cancel:
            refuse(RequestError(.badRequest, "\(request.verb.name): not supported by this version yet"))
        case .usage: usage(request)
        case .info: info()
        case .help: reply { writeJSON(Help.json, to: &$0) }
        case .ping: ping(request)
        case .auth: authenticate(request)
        case .echo: reply { framing.writeBulk(request.bytes[request.arguments[0]], to: &$0) }
        case .quit:
            replyOK()
            closeAfterReplies()
        case .hello: hello(request)
        case .client: client(request)
        case .command: reply { framing.writeArrayHeader(0, to: &$0) }
        case .select: replyOK()
        }
    }

    /// Takes from the request only what it needs: a copy of the whole would cost as much as the rest of this.
    private func submit(_ verb: OperationVerb) {
        // Counting once by id is not there yet; counting twice what was to count once would be worse than no answer.
        guard reader.request.id == nil else {
            return refuse(RequestError(.badRequest, "id: not supported by this version yet"))
        }
        var amounts = reader.request.amounts
        if verb.isDecision, amounts.requests == nil { amounts.requests = 1 }
        worker.resolver.resolve(reader.request.scopes, of: reader.request.bytes, into: &worker.plans)
        let ticket = replies.reserve()
        worker.ledger.submit(verb, amounts, on: worker.plans, for: self, ticket: ticket)
    }

    func replyOK() {
        reply { framing.writeSimple("OK", to: &$0) }
    }

    private func ping(_ request: borrowing Request) {
        guard let message = request.arguments.first else { return reply { framing.writeSimple("PONG", to: &$0) } }
        let bytes = request.bytes[message]
        reply { framing.writeBulk(bytes, to: &$0) }
    }

    private func writeJSON(_ value: some Encodable, to buffer: inout ByteBuffer) {
        writeJSON(Result { try JSONReply.bytes(value) }, to: &buffer)
    }

    private func writeJSON(_ json: Result<ByteBuffer, any Error>, to buffer: inout ByteBuffer) {
        do {
            framing.writeJSON(try json.get().readableBytesView, to: &buffer)
        } catch {
            framing.writeError(RequestError(.internal, "the reply cannot be written as JSON"), to: &buffer)
        }
    }

    // MARK: - Reports

    private func usage(_ request: borrowing Request) {
        guard let scope = request.scope,
            let plan = request.withBytes(of: scope, { worker.resolver.cache.plan(forScope: $0) })
        else {
            return refuse(RequestError(.badRequest, "scope: expected kind:id, kinds joined by +, or global"))
        }
        let ticket = replies.reserve()
        worker.ledger.readUsage(of: plan) { [self] result in
            fill(ticket) { buffer in
                switch result {
                case .success(let usage): writeJSON(UsageReport(usage), to: &buffer)
                case .failure(let failure): writeError(of: failure, to: &buffer)
                }
            }
        }
    }

    /// Adding up over the workers takes a hop to each; the reply keeps its place meanwhile.
    private func info() {
        let ticket = replies.reserve()
        let report = worker.report
        let session = NIOLoopBound(self, eventLoop: worker.eventLoop)
        worker.eventLoop.makeFutureWithTask { await report() }.whenSuccess { report in
            let session = session.value
            session.fill(ticket) { session.writeJSON(report, to: &$0) }
            session.flush()
        }
    }

    // MARK: - Failures

    func writeError(of failure: LedgerFailure, to buffer: inout ByteBuffer) {
        worker.counts.errors += 1
        framing.writeError(RequestError(failure), to: &buffer)
    }
}

extension RequestError {
    init(_ failure: LedgerFailure) {
        switch failure {
        case .unavailable(let why): self.init(.unavailable, "Redis: \(why)")
        case .timeout: self.init(.timeout, "no answer from Redis within the deadline")
        case .busy: self.init(.busy, "too many requests are waiting for Redis")
        case .internal(let why): self.init(.internal, why)
        }
    }
}

extension Verb {
    /// What a client may ask before it has named the token.
    fileprivate var needsNoToken: Bool { self == .auth || self == .hello || self == .quit }
}

extension Session: OperationOwner {
    func ledgerAnswered(ticket: Int, with answer: borrowing Answer) {
        if answer.outcome == .broken {
            let scope = answer.limit.map { "\($0.plan.scope)" } ?? "a scope"
            return fill(ticket) {
                writeError(of: .internal("the key of \(scope) in Redis is not a hash"), to: &$0)
            }
        }
        count(answer.outcome)
        fill(ticket) { buffer in
            framing.beginReply(&buffer)
            DecisionText.write(answer, to: &buffer)
            framing.endReply(&buffer)
        }
    }

    private func count(_ outcome: Answer.Outcome) {
        switch outcome {
        case .allow: worker.counts.allowed += 1
        case .deny: worker.counts.denied += 1
        case .ok: worker.counts.applied += 1
        case .broken: break
        }
    }

    /// The rules for when Redis is slow or away: a decision may pass where no limit on its way fails closed. Never after an
    /// error of the script or of the sidecar itself.
    func ledgerFailed(ticket: Int, verb: OperationVerb, failsClosed: Bool, with failure: LedgerFailure) {
        fill(ticket) { buffer in
            guard verb.isDecision, failure.isOutage else { return writeError(of: failure, to: &buffer) }
            // To whoever asks for a decision it is one whether Redis is away or too slow; a RECORD past the deadline may have
            // been applied, and says `timeout`.
            guard !failsClosed else { return writeError(of: failure.asUnavailable, to: &buffer) }
            worker.counts.degraded += 1
            framing.writeSimple("ALLOW degraded=1", to: &buffer)
        }
    }
}

extension LedgerFailure {
    /// Redis could not be asked, or not in time.
    var isOutage: Bool {
        switch self {
        case .unavailable, .timeout: true
        case .busy, .internal: false
        }
    }

    fileprivate var asUnavailable: LedgerFailure {
        self == .timeout ? .unavailable("no answer within the deadline") : self
    }
}
