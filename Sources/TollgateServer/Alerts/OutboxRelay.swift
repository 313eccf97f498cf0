import Logging
import ServiceLifecycle
import Synchronization
import TollgateCore
import TollgateLedger
import TollgateStores

/// Publishes the notices of batches to the alert store: denials, and the items of scopes' outboxes. Removes a published
/// item from its outbox. One at a time, in order, and not on the path of requests.
///
/// An item that cannot be published is not lost: it stays in the outbox, and the next batch with the scope reports it
/// again. A denial can be lost when Redis goes away.
///
/// Usable from any thread.
final class OutboxRelay: Service {
    /// The capacity of the queue. Items beyond it stay in their outboxes.
    static let maxWaiting = 10_000
    /// The number of attempts while Redis does not answer.
    private static let attempts = 20
    private static let pause = Duration.milliseconds(250)
    /// The shortest interval between two log lines about errors.
    private static let warningInterval = Duration.seconds(60)
    /// The maximum number of characters of an outbox item that a log line quotes.
    private static let maxTextLength = 200

    private let store: AlertStore
    private let logger: Logger
    private let droppedLines: OnceLog
    private let notices: AsyncStream<LedgerNotice>
    private let continuation: AsyncStream<LedgerNotice>.Continuation
    private let state = Mutex(State())

    private struct State {
        var waiting = 0
        /// The items that are queued: every batch reports them until they have been removed from the outbox.
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

    /// Publishes until graceful shutdown, and then the rest of the queue, as far as Redis answers.
    func run() async {
        await withGracefulShutdownHandler {
            for await notice in notices {
                await publish(notice)
                finish(notice)
            }
        } onGracefulShutdown: {
            self.state.withLock { $0.isStopping = true }
            self.continuation.finish()
        }
    }

    /// Queues the notices of a batch.
    func take(_ notices: [LedgerNotice]) {
        let new = state.withLock { state in notices.compactMap { Self.admit($0, &state) } }
        for notice in new { continuation.yield(notice) }
    }

    /// Returns the new part of a notice; nil if nothing is new or the queue is full.
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
                // Later items of a scope must not be published before earlier ones.
                guard await publish(item, of: outbox) else { return }
            }
        }
    }

    /// Publishes an item and removes it from the outbox. Also removes an item that can never be published: it would
    /// block later ones. Returns false if Redis cannot be asked now.
    private func publish(_ item: String, of outbox: AlertOutbox) async -> Bool {
        if let change = outbox.change(of: item, in: store.moneyUnit) {
            let failure = await repeating(while: \.maySucceedLater) { () throws(StoreError) in
                try await store.publish(change)
            }
            if let failure, failure.maySucceedLater { return false }
            if let failure { drop(outbox.scope, "\(failure)") }
        } else {
            drop(outbox.scope, "\(item.prefix(Self.maxTextLength)) is not a change of an alert")
        }
        return await repeating(while: \.maySucceedLater) { () throws(StoreError) in
            try await store.removePublished(item, of: outbox.scope)
        } == nil
    }

    private func drop(_ scope: Scope, _ reason: String) {
        droppedLines.warn("an alert of \(scope) cannot be published, dropping it: \(reason)")
    }

    /// Repeats a call while Redis does not answer and the error permits it. Returns the last error; nil after success.
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
