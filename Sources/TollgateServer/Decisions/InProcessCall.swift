import NIOCore
import TollgateCore
import TollgateLedger
import TollgateWire

/// One request from within this process, decided as a client's would be. Lives on its worker's event loop until the reply is
/// there.
final class InProcessCall: RequestHandler {
    let worker: Worker
    let framing = Framing.line
    var reader = RequestReader()
    private let promise: EventLoopPromise<String>

    init(worker: Worker, promise: EventLoopPromise<String>) {
        self.worker = worker
        self.promise = promise
    }

    func start(_ line: ByteBuffer) {
        var line = line
        switch reader.next(from: &line) {
        case .request: handle(nil)
        case .refused(let error), .broken(let error): refuse(error)
        case .needsMore: refuse(RequestError(.badRequest, "expected a whole line"))
        }
    }

    private func handle(_ unknown: LedgerFailure?) {
        guard !worker.isShuttingDown else { return refuse(RequestError(.unavailable, "shutting down")) }
        let verb = reader.request.verb
        guard carryOut(verb, unknown) else {
            return refuse(RequestError(.unknownVerb, "\(verb.name): not from here"))
        }
    }

    func reserveReply() -> Int { 0 }

    func fill(_ ticket: Int, _ write: (inout ByteBuffer) -> Void) {
        var reply = ByteBuffer()
        write(&reply)
        var text = String(buffer: reply)
        if text.hasSuffix("\n") { text.removeLast() }
        promise.succeed(text)
    }

    func refuse(_ error: RequestError) {
        worker.counts.errors += 1
        fill(0) { framing.writeError(error, to: &$0) }
    }

    func goOn(without unknown: LedgerFailure) {
        handle(unknown)
    }

    func wait(for scopes: [Scope]) {
        worker.wait(for: scopes) { self.handle($0) }
    }

    func wait(_ begin: (@escaping (LedgerFailure?) -> Void) -> Void, resume: @escaping (LedgerFailure?) -> Void) {
        begin(resume)
    }
}
