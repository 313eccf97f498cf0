import Logging
import Synchronization
import TollgateCore
import TollgateLedger
import TollgateStores

/// Takes what batches tell of refusals and alerts to the alert store, and then lets go of it in the scopes' hashes. One at a time,
/// in order, off the way of requests.
///
/// What does not get there is not lost: a scope's hash keeps it, and the next batch that meets the scope tells it again. Only
/// refusals may be, as when Redis goes away.
///
/// Usable from any thread.
final class OutboxRelay: Sendable {
    /// What is told while so much waits is left to be told again.
    static let maxWaiting = 10_000
    /// A Redis that does not answer is asked again so often.
    private static let attempts = 20
    private static let pause = Duration.milliseconds(250)
    /// What fails again and again is told no more often.
    private static let warningInterval = Duration.seconds(60)
    /// Of an item, in the log.
    private static let maxTextLength = 200

    private let store: AlertStore
    private let logger: Logger
    private let droppedLines: OnceLog
    private let notices: AsyncStream<LedgerNotice>
    private let continuation: AsyncStream<LedgerNotice>.Continuation
    private let state = Mutex(State())

    private struct State {
        var task: Task<Void, Never>?
        var waiting = 0
        /// The items that are being published: every batch names them until that is done.
        var items: Set<Item> = []
        var isStopping = false
        var warned: ContinuousClock.Instant?
    }

    private struct Item: Hashable {
        var scope: Scope
        var json: String
    }

    init(store: AlertStore, logger: Logger) {
        self.store = store
        self.logger = logger
        droppedLines = OnceLog(logger)
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
        let new = state.withLock { state in notices.compactMap { Self.admit($0, &state) } }
        for notice in new { continuation.yield(notice) }
    }

    /// What of a notice is new; nil where nothing is, or too much waits.
    private static func admit(_ notice: LedgerNotice, _ state: inout State) -> LedgerNotice? {
        guard state.waiting < maxWaiting else { return nil }
        guard case .outbox(var outbox) = notice else {
            state.waiting += 1
            return notice
        }
        outbox.items.removeAll { !state.items.insert(Item(scope: outbox.scope, json: $0)).inserted }
        guard !outbox.items.isEmpty else { return nil }
        state.waiting += 1
        return .outbox(outbox)
    }

    private func finish(_ notice: LedgerNotice) {
        state.withLock { state in
            state.waiting -= 1
            guard case .outbox(let outbox) = notice else { return }
            for item in outbox.items { state.items.remove(Item(scope: outbox.scope, json: item)) }
        }
    }

    // MARK: - Publishing

    private func publish(_ notice: LedgerNotice) async {
        switch notice {
        case .denied(let event):
            _ = await repeating(while: \.changedNothingYet) { () throws(StoreError) in
                try await store.denials.add(event)
            }
        case .outbox(let outbox):
            for item in outbox.items {
                // Later ones must not be there before it.
                guard await publish(item, of: outbox) else { return }
            }
        }
    }

    /// Publishes an item, and then removes it from the scope's outbox; also one that can never be published, which would be in the
    /// way of all that come after it. Returns false where it is to be published later, because Redis cannot be asked.
    private func publish(_ item: String, of outbox: AlertOutbox) async -> Bool {
        if let change = outbox.change(of: item) {
            let failure = await repeating(while: \.maySucceedLater) { () throws(StoreError) in
                try await store.publish(change)
            }
            if let failure, failure.maySucceedLater { return false }
            if let failure { drop(outbox.scope, "\(failure)") }
        } else {
            drop(outbox.scope, "\(item.prefix(Self.maxTextLength)) is no change of an alert")
        }
        return await repeating(while: \.maySucceedLater) { () throws(StoreError) in
            try await store.removePublished(item, of: outbox.scope)
        } == nil
    }

    private func drop(_ scope: Scope, _ reason: String) {
        droppedLines.warn("an alert of \(scope) cannot be published, and is let go of: \(reason)")
    }

    /// Asks again where Redis did not answer and the error may be met so. Returns what went wrong the last time.
    private func repeating(
        while mayRepeat: (StoreError) -> Bool, _ body: () async throws(StoreError) -> Void
    ) async -> StoreError? {
        var attempt = 1
        while true {
            do throws(StoreError) {
                try await body()
                return nil
            } catch {
                report(error)
                let isLast = attempt == Self.attempts || state.withLock { $0.isStopping }
                guard mayRepeat(error), !isLast else { return error }
            }
            attempt += 1
            try? await Task.sleep(for: Self.pause)
        }
    }

    private func report(_ error: StoreError) {
        let now = ContinuousClock.now
        let isDue = state.withLock { state in
            if let warned = state.warned, now - warned < Self.warningInterval { return false }
            state.warned = now
            return true
        }
        if isDue { logger.warning("alerts and denial events cannot be published: \(error)") }
    }
}
