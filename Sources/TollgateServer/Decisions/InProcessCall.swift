import NIOCore
import TollgateCore
import TollgateLedger
import TollgateWire

/// One request from within this process, decided like a client's. Lives on its worker's event loop until it has been
/// answered.
final class InProcessCall: RequestHandler {
    let worker: Worker
    let framing = Framing.line
    var reader: RequestReader
    let session: Session? = nil
    let arrival = NIODeadline.now()
    private let promise: EventLoopPromise<String>

    init(worker: Worker, promise: EventLoopPromise<String>) {
        self.worker = worker
        self.promise = promise
        reader = RequestReader(moneyUnit: worker.ledger.keySpace.moneyUnit)
    }

    /// Handles one line of the protocol.
    func start(_ line: ByteBuffer) {
        var line = line
        switch reader.next(from: &line) {
        case .request: unlessShuttingDown { dispatch(reader.request.verb) }
        case .refused(let error), .broken(let error): refuse(error)
        case .needsMore: refuse(RequestError(.badRequest, "expected a whole line"))
        }
    }

    private func unlessShuttingDown(_ body: () -> Void) {
        guard !worker.isShuttingDown else { return refuse(RequestError(.unavailable, "shutting down")) }
        body()
    }

    func foldCase(of kinds: Set<String>) { reader.foldCase(of: kinds) }

    func addScope(_ text: [UInt8]) -> Bool { reader.addScope(text) }

    func reserveReply() -> Int { 0 }

    func fill(_ ticket: Int, _ write: (inout ByteBuffer) -> Void) {
        var reply = ByteBuffer()
        write(&reply)
        var text = String(buffer: reply)
        if text.hasSuffix("\n") { text.removeLast() }
        promise.succeed(text)
    }

    func refuse(_ error: RequestError) {
        worker.countError(error.code)
        fill(0) { framing.writeError(error, to: &$0) }
    }

    func wait(for scopes: [Scope], onFailure: @escaping (LedgerFailure) -> Void) {
        worker.wait(for: scopes) { failure in
            self.unlessShuttingDown {
                if let failure { onFailure(failure) } else { self.dispatch(self.reader.request.verb) }
            }
        }
    }

    func wait(_ begin: (@escaping (LedgerFailure?) -> Void) -> Void, resume: @escaping (LedgerFailure?) -> Void) {
        begin(resume)
    }
}
