import Logging
import TollgateCore
import TollgateLedger
import TollgateStores

/// Delivers events to one receiver while this sidecar has the receiver's lease. Each receiver has a task of its own, so
/// that none waits for another.
struct ReceiverRunner {
    private let receiver: AlertReceiver
    private let sender: any AlertSender
    private let queue: DeliveryQueue
    private let lease: ReceiverLease
    private let wakeUp: WakeUp
    private let timing: Timing
    /// The start of the sidecar. A new receiver gets no events from before.
    private let startedAt: ContinuousClock.Instant

    private var reporter: DeliveryReporter
    private var reader: DeliveryReader
    private var waiting = WaitingDeliveries()
    /// The number of requested retries when the state of the deliveries was last read from its start.
    private var retries = ""
    /// The outage of the receiver as a whole; nil if there is none.
    private var outage: ReceiverOutage?
    /// Whether an outage has ended that Redis still stores.
    private var hasOutageEnded = false
    /// The entries that were delivered, or are not for this receiver, and have not been acknowledged yet.
    private var unacknowledged: Set<String> = []

    init(
        receiver: AlertReceiver, sender: any AlertSender, queue: DeliveryQueue, lease: ReceiverLease, wakeUp: WakeUp,
        timing: Timing, startedAt: ContinuousClock.Instant, reporter: DeliveryReporter
    ) {
        self.receiver = receiver
        self.sender = sender
        self.queue = queue
        self.lease = lease
        self.wakeUp = wakeUp
        self.timing = timing
        self.startedAt = startedAt
        self.reporter = reporter
        reader = DeliveryReader(queue: queue, sidecar: lease.sidecar)
    }

    /// Delivers until the task is cancelled.
    mutating func run() async {
        await openGroup()
        while !Task.isCancelled {
            if await acquireLease() {
                await deliver()
            } else {
                try? await Task.sleep(for: timing.poll)
            }
        }
        await lease.release()
    }

    /// Creates the consumer group, with or without the lease, so that no later event is missed.
    private mutating func openGroup() async {
        while !Task.isCancelled {
            do throws(StoreError) {
                // Synchronizes the clock, too.
                _ = try await lease.acquire()
                let age = ContinuousClock.now - startedAt + timing.reachBack
                return try await queue.open(from: lease.now - age.milliseconds)
            } catch {
                reporter.storeFailed(error)
                try? await Task.sleep(for: timing.poll)
            }
        }
    }

    private mutating func acquireLease() async -> Bool {
        do throws(StoreError) {
            return try await lease.acquire()
        } catch {
            reporter.storeFailed(error)
            return false
        }
    }

    private mutating func deliver() async {
        // Is cancelled when this function returns.
        async let _ = lease.keepRenewing()
        forgetState()
        while lease.isHeld, !Task.isCancelled {
            do throws(StoreError) {
                try await takeTurn()
                reporter.storeAnswers()
            } catch {
                reporter.storeFailed(error)
                // Redis may have carried out the command, so its state is read again.
                startOver()
                try? await Task.sleep(for: timing.poll)
            }
        }
        // Deliveries made during shutdown need not be repeated.
        try? await acknowledge()
    }

    /// Lets the next turn read the outage and all pending deliveries from Redis. Another sidecar may have changed them,
    /// or an administrator who has requested a retry.
    private mutating func forgetState() {
        retries = lease.retries
        outage = nil
        hasOutageEnded = false
        startOver()
    }

    private mutating func startOver() {
        waiting = WaitingDeliveries()
        reader.startOver()
    }

    /// Makes one attempt, or sleeps until there is something to do.
    private mutating func takeTurn() async throws(StoreError) {
        try await acknowledge()
        if lease.retries != retries { forgetState() }
        try await read()
        try await acknowledge()
        let now = lease.now
        let next = waiting.next
        let dueAt = next.map { max($0.dueAt, outage?.notBefore ?? 0) }
        if let next, let dueAt, dueAt <= now { return try await attempt(next) }
        // There are more pending entries to read.
        guard !reader.hasPending || waiting.room == 0 else { return }
        let due = dueAt.map { Duration.milliseconds($0 - now) } ?? timing.poll
        await wakeUp.wait(atMost: min(due, timing.poll))
    }

    private mutating func acknowledge() async throws(StoreError) {
        guard !unacknowledged.isEmpty || hasOutageEnded else { return }
        try await queue.acknowledge(Array(unacknowledged), endsOutage: hasOutageEnded)
        unacknowledged = []
        hasOutageEnded = false
    }

    // MARK: - Reading

    private mutating func read() async throws(StoreError) {
        let batch = try await reader.next(room: waiting.room)
        outage = outage ?? batch.outage
        if let missed = batch.missed { reporter.missed(missed) }
        if batch.isGroupNew { reporter.groupGone() }
        unacknowledged.formUnion(batch.staleFailures)
        var tooOld = 0
        for (item, failure) in batch.items where try await !take(item, failure) { tooOld += 1 }
        if tooOld > 0 { reporter.tooOld(tooOld) }
    }

    /// Adds an item to the waiting deliveries. Returns false if it is too old and was dead-lettered.
    private mutating func take(_ item: DeliveryQueue.Item, _ failure: FailedDelivery?) async throws(StoreError) -> Bool
    {
        switch item {
        case .entry(let entry):
            guard !unacknowledged.contains(entry.id) else { return true }
            guard receiver.filter.matches(entry.alert), sender.takes(entry.event) else {
                unacknowledged.insert(entry.id)
                return true
            }
            guard !isTooOld(entry, failure) else {
                try await deadLetterTooOld(entry, failure)
                return false
            }
            waiting.append(entry, order: sender.order(of: entry), failure: failure, now: lease.now)
        case .unreadable(let id, let sentence):
            let untried = FailedDelivery(alert: "", event: "", attempts: 0, firstAt: 0, nextAt: 0, lastError: sentence)
            try await deadLetter(failure ?? untried, of: id, reason: sentence)
        }
        return true
    }

    /// Whether an event is so old that it says nothing about the current state, as after weeks without the receiver.
    /// This applies to failed deliveries, too, so that no receiver gets the opening of an alert without its end.
    private func isTooOld(_ entry: AlertEntry, _ failure: FailedDelivery?) -> Bool {
        guard let since = failure?.firstAt ?? StreamID.milliseconds(entry.id) else { return false }
        return since < lease.now - timing.maxAge.milliseconds
    }

    private func deadLetterTooOld(_ entry: AlertEntry, _ failure: FailedDelivery?) async throws(StoreError) {
        let hours = timing.maxAge.milliseconds / 3_600_000
        let failed = FailedDelivery(
            alert: entry.alert.id, event: entry.event.rawValue, attempts: failure?.attempts ?? 0,
            firstAt: failure?.firstAt ?? 0, nextAt: 0,
            lastError: "more than \(hours) hours old when it was read")
        if try await !queue.deadLetter(failed, of: entry.id, by: lease.sidecar) { lease.lose() }
    }

    // MARK: - Attempts

    private mutating func attempt(_ delivery: WaitingDeliveries.Delivery) async throws(StoreError) {
        let begun = lease.now
        switch await outcomeUnderLease(try await latest(delivery)) {
        case .delivered:
            waiting.remove(delivery.entry.id)
            unacknowledged.insert(delivery.entry.id)
            endOutage()
            reporter.delivered(isAnyFailing: waiting.isAnyFailing)
        case .failed(let failure):
            // An attempt that the sidecar's shutdown has aborted is not a failure of the receiver.
            guard !Task.isCancelled else { return }
            reporter.failed(failure)
            try await fail(delivery, failure, begun: begun)
        case nil: return
        }
    }

    /// Returns the event of a delivery, with the end of its alert if the sender needs that for a retry.
    private func latest(_ delivery: WaitingDeliveries.Delivery) async throws(StoreError) -> AlertEntry {
        var entry = delivery.entry
        guard sender.needsLatestState, delivery.failure != nil, entry.event == .opened else { return entry }
        entry.alert.resolved = try await queue.resolution(of: entry.alert.id)
        return entry
    }

    /// Sends an event. Returns nil if the lease ended first: another sidecar may then deliver, so the attempt is
    /// aborted.
    private func outcomeUnderLease(_ entry: AlertEntry) async -> DeliveryOutcome? {
        await withTaskGroup(of: DeliveryOutcome?.self) { [sender, lease] group in
            group.addTask { await sender.deliver(entry) }
            group.addTask {
                await lease.waitForEnd()
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            guard first == nil else { return first }
            // The receiver may have accepted the event before the attempt was aborted.
            let last = await group.next() ?? nil
            if case .delivered = last { return last }
            return nil
        }
    }

    /// Schedules the retry of a failed delivery, or dead-letters it, and stores the outage of the receiver.
    private mutating func fail(
        _ delivery: WaitingDeliveries.Delivery, _ failure: DeliveryFailure, begun: Int64
    ) async throws(StoreError) {
        let (id, rule, now) = (delivery.entry.id, RetryRule(timing: timing), lease.now)
        let share = Double.random(in: 0.5...1)
        if let next = rule.outage(after: failure, earlier: outage, begun: begun, now: now, share: share) {
            outage = next
            hasOutageEnded = false
        } else {
            // The receiver answers, although it refuses this delivery.
            endOutage()
        }
        let step = rule.step(
            after: failure, of: delivery.entry, earlier: delivery.failure, begun: begun, now: now, share: share)
        switch step {
        case .retry(let failed):
            waiting.postpone(id, failed)
            if try await !queue.note(failed, of: id, by: lease.sidecar) { return lease.lose() }
        case .deadLetter(let failed): try await deadLetter(failed, of: id, reason: failed.lastError)
        }
        guard let outage else { return }
        if try await !queue.note(outage, by: lease.sidecar) { return lease.lose() }
        try await deadLetterWaiting(after: outage, failure, now: now)
    }

    private mutating func endOutage() {
        hasOutageEnded = hasOutageEnded || outage != nil
        outage = nil
    }

    /// Dead-letters the deliveries that waited during a whole outage. One attempt is made for all of them, so its
    /// failure is theirs, even if they were never tried.
    private mutating func deadLetterWaiting(
        after outage: ReceiverOutage, _ failure: DeliveryFailure, now: Int64
    ) async throws(StoreError) {
        let start = now - timing.deadLetterAfter.milliseconds
        guard outage.since <= start else { return }
        for delivery in waiting.written(until: start) where lease.isHeld {
            let entry = delivery.entry
            let untried = FailedDelivery(
                alert: entry.alert.id, event: entry.event.rawValue, attempts: 0, firstAt: 0, nextAt: 0, lastError: "")
            try await deadLetter(delivery.failure ?? untried, of: entry.id, reason: failure.sentence)
        }
    }

    private mutating func deadLetter(
        _ failure: FailedDelivery, of id: String, reason: String
    ) async throws(StoreError) {
        var failure = failure
        failure.lastError = reason
        guard try await queue.deadLetter(failure, of: id, by: lease.sidecar) else { return lease.lose() }
        waiting.remove(id)
        reporter.deadLettered(failure, id: id)
    }
}
