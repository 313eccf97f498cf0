import NIOCore
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateWire

extension Session {
    /// Hands the request that was read on by its verb. `unknown`: why its scopes could not be looked up.
    func handleRequest(unknown: LedgerFailure? = nil) {
        let verb = reader.request.verb
        if let since = refusedTransactionSince, refuseInTransaction(verb, since) { return }
        guard isAuthenticated || verb.needsNoToken else {
            if verb == .multi { refusedTransactionSince = .now() }
            return refuse(RequestError(.unauthenticated, "AUTH with the token first"))
        }
        if carryOut(verb, unknown) { return }
        if verb == .usage { usage(reader.request, unknown) } else { handleOther(reader.request) }
    }

    private func handleOther(_ request: Request) {
        switch request.verb {
        case .check, .peek, .record, .refund, .reserve, .commit, .cancel, .usage: break
        case .info: info()
        case .help: reply { writeJSON(Help.json, to: &$0) }
        case .ping: ping(request)
        case .auth: authenticate(request)
        case .alerts: subscribe(request)
        case .echo: reply { framing.writeBulk(request.bytes[request.arguments[0]], to: &$0) }
        case .quit:
            replyOK()
            closeAfterReplies()
        case .hello: hello(request)
        case .client: client(request)
        case .command: reply { framing.writeArrayHeader(0, to: &$0) }
        case .select: replyOK()
        case .multi, .exec, .discard: refuseTransaction(request.verb)
        }
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

    private func usage(_ request: Request, _ unknown: LedgerFailure?) {
        guard let scope = request.scope.flatMap({ try? Scope(parsing: request.text($0)) }) else {
            return refuse(RequestError(.badRequest, "scope: expected kind:id, kinds joined by +, or global"))
        }
        let roles = request.roles.map { request.text($0).split(separator: ",").map(String.init) } ?? []
        let traits = UserTraits(roles: roles, email: request.email.map(request.text))
        if let unknown { return refuse(RequestError(unknown)) }
        guard let plan = worker.resolver.currentPlan(of: scope, traits) else {
            return wait(for: worker.resolver.mustWaitForBatch ? [] : [scope])
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
        worker.askForReport { [self] json in fill(ticket) { writeJSON(json, to: &$0) } }
    }
}

extension Verb {
    /// What a client may ask before it has named the token.
    fileprivate var needsNoToken: Bool { self == .auth || self == .hello || self == .quit }

    /// Whether the ledger is asked.
    var needsLedger: Bool {
        switch self {
        case .check, .peek, .record, .refund, .reserve, .commit, .cancel, .usage: true
        case .help, .info, .ping, .auth, .alerts, .echo, .quit, .hello, .client, .command, .select, .multi, .exec,
            .discard:
            false
        }
    }

    /// Whether a request that has waited too long is refused. What has to be counted is counted all the same.
    var mayBeShed: Bool { self == .check || self == .peek || self == .reserve || self == .usage }

    /// What a request costs of its session's share, in simple requests.
    func cost(scopes: Int) -> Int {
        switch self {
        case .check, .peek, .record, .refund, .reserve, .commit, .cancel: 1 + scopes / 4
        case .usage: 16
        case .help, .info, .alerts: 32
        case .ping, .auth, .echo, .quit, .hello, .client, .command, .select, .multi, .exec, .discard: 1
        }
    }
}
