import NIOCore
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateWire

extension Session {
    var arrival: NIODeadline { lastRequest }

    /// Carries out the request that the reader holds, if the client may send it.
    func handleRequest() {
        let verb = reader.request.verb
        if let since = refusedTransactionSince, refuseInTransaction(verb, since) { return }
        guard isAuthenticated || verb.needsNoToken else {
            if verb == .multi { refusedTransactionSince = .now() }
            return refuse(RequestError(.unauthenticated, "AUTH with the token first"))
        }
        dispatch(verb)
    }

    // MARK: - Connection

    func replyOK() {
        reply { framing.writeSimple("OK", to: &$0) }
    }

    func ping(_ request: borrowing Request) {
        guard let message = request.arguments.first else { return reply { framing.writeSimple("PONG", to: &$0) } }
        let bytes = request.bytes[message]
        reply { framing.writeBulk(bytes, to: &$0) }
    }

    func echo(_ request: borrowing Request) {
        let bytes = request.bytes[request.arguments[0]]
        reply { framing.writeBulk(bytes, to: &$0) }
    }

    func quit() {
        replyOK()
        closeAfterReplies()
    }

    // MARK: - Reports

    func usage(_ request: Request) {
        guard let named = request.scope.flatMap({ try? Scope(parsing: request.text($0)) }) else {
            return refuse(RequestError(.badRequest, "scope: expected kind:id, kinds joined by +, or global"))
        }
        let kinds = worker.resolver.cache.knownKinds
        if let (kind, standing) = kinds.firstUnknown(in: named.kind), standing == .unknown {
            return refuse(RequestError(unknownKind: kind, of: .usage, kinds))
        }
        let scope = named.foldingCase(of: kinds.folded)
        let roles = request.roles.map { request.text($0).split(separator: ",").map(String.init) } ?? []
        let traits = UserTraits(roles: roles, email: request.email.map(request.text))
        guard let plan = worker.resolver.currentPlan(of: scope, traits) else {
            return wait(for: worker.resolver.mustWaitForBatch ? [] : [scope]) { [self] failure in
                refuse(RequestError(failure))
            }
        }
        let ticket = replies.reserve()
        worker.ledger.readUsage(of: plan) { [self] result in
            fill(ticket) { buffer in
                switch result {
                case .success(let usage): writeText(Result { try JSONReply.bytes(UsageReport(usage)) }, to: &buffer)
                case .failure(let failure): writeError(failure, to: &buffer)
                }
            }
        }
    }

    /// Handles INFO. Its format, which is Redis's, has several lines, so that it exists in RESP only.
    func info() {
        guard framing == .resp else {
            return refuse(RequestError(.badRequest, "INFO: has several lines; use STATUS, or a Redis client"))
        }
        report(as: .info)
    }

    /// Handles STATUS.
    func status() {
        report(as: .json)
    }

    /// Replies with the state of the sidecar. The report takes a hop to each worker; the reply keeps its position
    /// meanwhile.
    private func report(as format: ReportFormat) {
        let ticket = replies.reserve()
        worker.infoQueue.request(as: format) { [self] text in fill(ticket) { writeText(text, to: &$0) } }
    }

    func help() {
        reply { writeText(Help.json, to: &$0) }
    }

    /// Writes JSON, or in RESP any text.
    private func writeText(_ text: Result<ByteBuffer, any Error>, to buffer: inout ByteBuffer) {
        do {
            framing.writeJSON(try text.get().readableBytesView, to: &buffer)
        } catch {
            framing.writeError(RequestError(.internal, "the reply cannot be written"), to: &buffer)
        }
    }
}

// MARK: - Rules

extension Verb {
    /// Whether a client may send it before AUTH.
    fileprivate var needsNoToken: Bool { self == .auth || self == .hello || self == .quit }

    /// Whether it needs room in the ledger.
    var needsLedger: Bool {
        switch self {
        case .check, .peek, .record, .refund, .reserve, .commit, .cancel, .usage: true
        case .help, .info, .status, .ping, .auth, .alerts, .echo, .quit, .hello, .client, .command, .select, .multi,
            .exec, .discard:
            false
        }
    }

    /// Whether a request that has waited too long is refused. Writes are never refused: their usage has happened.
    var mayBeShed: Bool { self == .check || self == .peek || self == .reserve || self == .usage }

    /// The part of its session's share that a request takes, in simple requests.
    func cost(scopes: Int) -> Int {
        switch self {
        case .check, .peek, .record, .refund, .reserve, .commit, .cancel: 1 + scopes / 4
        case .usage: 16
        case .help, .info, .status, .alerts: 32
        case .ping, .auth, .echo, .quit, .hello, .client, .command, .select, .multi, .exec, .discard: 1
        }
    }
}
