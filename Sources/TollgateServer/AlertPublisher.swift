import Logging
import Synchronization
import TollgateCore
import TollgateLedger

/// Takes what batches tell of refusals and alerts to the alert store, and then lets go of it in the scopes' hashes. One at a time,
/// in order, off the way of requests.
///
/// What does not get there is not lost: a scope's hash keeps it, and the next batch that meets the scope tells it again. Only
/// refusals may be, as when Redis goes away.
///
/// Usable from any thread.
final class AlertPublisher: Sendable {
    /// What is told while so much waits is left to be told again.
    static let mostWaiting = 10_000
    /// A Redis that does not answer is asked again so often.
    private static let attempts = 20
    private static let pause = Duration.milliseconds(250)

    private let store: AlertStore
    private let logger: Logger
    private let notices: AsyncStream<LedgerNotice>
    private let continuation: AsyncStream<LedgerNotice>.Continuation
    private let state = Mutex(State())

    private struct State {
        var task: Task<Void, Never>?
        var waiting = 0
        /// The lines that are being published: every batch tells them until that is done.
        var lines: Set<Line> = []
        var isStopping = false
        var isFailing = false
    }

    private struct Line: Hashable {
        var scope: Scope
        var text: String
    }

    init(store: AlertStore, logger: Logger) {
        self.store = store
        self.logger = logger
        (notices, continuation) = AsyncStream.makeStream()
    }

    func start() {
        let task = Task {
            for await notice in notices {
                await publish(notice)
                finish(notice)
            }
        }
        state.withLock { $0.task = task }
    }

    /// Publishes what waits, as far as Redis answers.
    func stop() async {
        let task = state.withLock { state in
            state.isStopping = true
            return state.task
        }
        continuation.finish()
        await task?.value
    }

    /// From any event loop.
    func take(_ notices: [LedgerNotice]) {
        for notice in notices {
            if let notice = state.withLock({ Self.admit(notice, &$0) }) { continuation.yield(notice) }
        }
    }

    /// What of a notice is new; nil where nothing is, or too much waits.
    private static func admit(_ notice: LedgerNotice, _ state: inout State) -> LedgerNotice? {
        guard state.waiting < mostWaiting else { return nil }
        guard case .pending(var pending) = notice else {
            state.waiting += 1
            return notice
        }
        pending.lines.removeAll { !state.lines.insert(Line(scope: pending.scope, text: $0)).inserted }
        guard !pending.lines.isEmpty else { return nil }
        state.waiting += 1
        return .pending(pending)
    }

    private func finish(_ notice: LedgerNotice) {
        state.withLock { state in
            state.waiting -= 1
            guard case .pending(let pending) = notice else { return }
            for line in pending.lines { state.lines.remove(Line(scope: pending.scope, text: line)) }
        }
    }

    // MARK: - Publishing

    private func publish(_ notice: LedgerNotice) async {
        for attempt in 1...Self.attempts {
            do throws(StoreError) {
                try await send(notice)
                return state.withLock { $0.isFailing = false }
            } catch {
                report(error)
                guard error.maySucceedLater, attempt < Self.attempts, !state.withLock({ $0.isStopping }) else { return }
            }
            try? await Task.sleep(for: Self.pause)
        }
    }

    private func send(_ notice: LedgerNotice) async throws(StoreError) {
        switch notice {
        case .denied(let event):
            try await store.add(event)
        case .pending(let pending):
            for line in pending.lines {
                if let change = pending.change(of: line) { try await store.publish(change) }
                try await store.settle([line], of: pending.scope)
            }
        }
    }

    private func report(_ error: StoreError) {
        let isNew = state.withLock { state in
            defer { state.isFailing = true }
            return !state.isFailing
        }
        if isNew { logger.warning("alerts and denial events cannot be published: \(error)") }
    }
}

extension StoreError {
    /// Whether it is Redis that did not answer, and not what it said.
    fileprivate var maySucceedLater: Bool {
        switch self {
        case .unavailable, .unknownOutcome: true
        default: false
        }
    }
}
