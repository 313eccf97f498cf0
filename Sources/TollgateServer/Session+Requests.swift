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
        case .reserve: reserve()
        case .commit: settle(.commit)
        case .cancel: settle(.cancel)
        default: handleOther(reader.request)
        }
    }

    private func handleOther(_ request: Request) {
        switch request.verb {
        case .check, .peek, .record, .refund, .reserve, .commit, .cancel: break
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
        var amounts = reader.request.amounts
        if verb.isDecision, amounts.requests == nil { amounts.requests = 1 }
        worker.resolver.resolve(reader.request.scopes, of: reader.request.bytes, into: &worker.plans)
        let terms = reader.request.id == nil ? nil : OperationTerms.once(mark(of: verb))
        let ticket = replies.reserve()
        worker.ledger.submit(verb, amounts, on: worker.plans, terms: terms, for: self, ticket: ticket)
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
        case .refused(let why), .internal(let why): self.init(.internal, why)
        }
    }
}

extension Verb {
    /// What a client may ask before it has named the token.
    fileprivate var needsNoToken: Bool { self == .auth || self == .hello || self == .quit }
}
