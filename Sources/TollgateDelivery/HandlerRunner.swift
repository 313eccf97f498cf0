import Logging
import TollgateCore
import TollgateLedger

/// Delivers to one handler, as long as this sidecar has its lease: first what others have left, then what is new. In a task of its
/// own, so that no handler waits for another.
struct HandlerRunner {
    /// Read at a time.
    private static let most = 100

    let handler: AlertHandler
    let sink: any AlertSink
    let queue: DeliveryQueue
    let lease: HandlerLease
    let wakeUp: WakeUp
    let timing: Timing
    /// Since when the handler is there: what came before is not for it, where it is new.
    let startedAt: ContinuousClock.Instant

    private var reporter: DeliveryReporter
    private var waiting = WaitingDeliveries()
    /// Delivered, or not for this handler, and not taken off the stream yet.
    private var unconfirmed: Set<String> = []
    /// Behind which entry what others have left is read on; nil when all of it is read.
    private var place: String?
    /// What Redis knows of earlier attempts, until all that was left is read.
    private var failures: [String: FailedDelivery] = [:]

    init(
        handler: AlertHandler, sink: any AlertSink, queue: DeliveryQueue, lease: HandlerLease, wakeUp: WakeUp,
        timing: Timing, startedAt: ContinuousClock.Instant, reporter: DeliveryReporter
    ) {
        self.handler = handler
        self.sink = sink
        self.queue = queue
        self.lease = lease
        self.wakeUp = wakeUp
        self.timing = timing
        self.startedAt = startedAt
        self.reporter = reporter
    }

    /// Until the task is cancelled.
    mutating func run() async {
        await openGroup()
        while !Task.isCancelled {
            if await takeLease() {
                await deliver()
            } else {
                try? await Task.sleep(for: timing.poll)
            }
        }
        await lease.giveBack()
    }

    /// Whether this sidecar has the lease or not, so that whatever comes from now on is not missed.
    private mutating func openGroup() async {
        while !Task.isCancelled {
            do throws(StoreError) {
                // Also tells what time it is.
                _ = try await lease.take()
                let age = ContinuousClock.now - startedAt
                return try await queue.open(from: lease.now - age.milliseconds)
            } catch {
                reporter.storeFailed(error)
                try? await Task.sleep(for: timing.poll)
            }
        }
    }

    private mutating func takeLease() async -> Bool {
        do throws(StoreError) {
            return try await lease.take()
        } catch {
            reporter.storeFailed(error)
            return false
        }
    }

    private mutating func deliver() async {
        // Ends with this function.
        async let _ = lease.keep()
        startOver()
        while lease.isHeld, !Task.isCancelled {
            do throws(StoreError) {
                try await takeTurn()
                reporter.storeAnswers()
            } catch {
                reporter.storeFailed(error)
                // What was asked may have been done: Redis knows.
                startOver()
                try? await Task.sleep(for: timing.poll)
            }
        }
        // What was delivered while the sidecar was told to stop need not come again.
        try? await confirm()
    }

    private mutating func startOver() {
        waiting = WaitingDeliveries()
        place = "0"
        failures = [:]
    }

    private mutating func takeTurn() async throws(StoreError) {
        try await confirm()
        try await read()
        try await confirm()
        let now = lease.now
        if let next = waiting.next, next.dueAt <= now { return try await attempt(next) }
        // There is more of what others have left.
        guard place == nil || waiting.room == 0 else { return }
        let due = waiting.next.map { Duration.milliseconds($0.dueAt - now) } ?? timing.poll
        await wakeUp.wait(atMost: min(due, timing.poll))
    }

    private mutating func confirm() async throws(StoreError) {
        guard !unconfirmed.isEmpty else { return }
        try await queue.acknowledge(Array(unconfirmed))
        unconfirmed = []
    }

    // MARK: - Reading

    private mutating func read() async throws(StoreError) {
        let count = min(waiting.room, Self.most)
        guard count > 0 else { return }
        if place == "0" { failures = try await queue.failures() }
        let items =
            if let place {
                try await queue.pending(after: place, atMost: count)
            } else {
                try await queue.fresh(atMost: count)
            }
        // Redis has lost its data: all that it has now came since then.
        guard let items else { return try await queue.open(from: 0) }
        for item in items { try await take(item) }
        guard place != nil else { return }
        place = items.last?.id
        guard place == nil else { return }
        // Attempts of what waits no more.
        unconfirmed.formUnion(failures.keys)
        failures = [:]
    }

    private mutating func take(_ item: DeliveryQueue.Item) async throws(StoreError) {
        let failure = failures.removeValue(forKey: item.id)
        switch item {
        case .entry(let entry):
            guard !unconfirmed.contains(entry.id) else { return }
            if handler.filter.lets(entry.alert), sink.takes(entry.event) {
                waiting.append(entry, failure: failure, now: lease.now)
            } else {
                unconfirmed.insert(entry.id)
            }
        case .unreadable(let id, let sentence):
            let nothing = FailedDelivery(alert: "", event: "", attempts: 0, firstAt: 0, nextAt: 0, lastError: sentence)
            try await park(failure ?? nothing, of: id, why: sentence)
        }
    }

    // MARK: - Attempts

    private mutating func attempt(_ delivery: WaitingDeliveries.Delivery) async throws(StoreError) {
        let id = delivery.entry.id
        let begun = lease.now
        switch await sink.deliver(delivery.entry) {
        case .delivered:
            waiting.remove(id)
            unconfirmed.insert(id)
            reporter.delivered()
        case .failed(let failure):
            // What was broken off by the end of this sidecar was no failure of the handler.
            guard !Task.isCancelled else { return }
            reporter.failed(failure)
            let step = RetryRule(timing: timing).step(
                after: failure, of: delivery.entry, earlier: delivery.failure, begun: begun, now: lease.now,
                share: .random(in: 0.5...1))
            switch step {
            case .again(let note):
                waiting.postpone(id, note)
                if try await !queue.note(note, of: id, by: lease.sidecar) { lease.lose() }
            case .park(let note): try await park(note, of: id, why: note.lastError)
            }
        }
    }

    private mutating func park(_ failure: FailedDelivery, of id: String, why: String) async throws(StoreError) {
        var failure = failure
        failure.lastError = why
        guard try await queue.park(failure, of: id, by: lease.sidecar) else { return lease.lose() }
        waiting.remove(id)
        reporter.parked(failure, id: id)
    }
}

extension DeliveryQueue.Item {
    /// Its id in the stream.
    fileprivate var id: String {
        switch self {
        case .entry(let entry): entry.id
        case .unreadable(let id, _): id
        }
    }
}
