import Logging
import TollgateCore
import TollgateLedger
import TollgateStores

/// Delivers to one receiver, as long as this sidecar has its lease: first what others have left, then what is new. In a task of its
/// own, so that no receiver waits for another.
struct ReceiverRunner {
    let receiver: AlertReceiver
    let sink: any AlertSender
    let queue: DeliveryQueue
    let lease: ReceiverLease
    let wakeUp: WakeUp
    let timing: Timing
    /// Since when the receiver is there: what came before is not for it, where it is new.
    let startedAt: ContinuousClock.Instant

    var reporter: DeliveryReporter
    var waiting = WaitingDeliveries()
    /// While the receiver as a whole fails.
    var outage: ReceiverOutage?
    /// It fails no more, and Redis has not been told.
    var hasOutageEnded = false
    /// Delivered, or not for this receiver, and not taken off the stream yet.
    var unconfirmed: Set<String> = []
    /// Behind which entry what others have left is read on; nil when all of it is read.
    var place: String?
    /// What Redis knows of earlier attempts, until all that was left is read.
    var failures: [String: FailedDelivery] = [:]
    /// Whether newer entries may have driven unread ones out of the stream since it was looked at.
    var mayHaveMissed = true

    init(
        receiver: AlertReceiver, sink: any AlertSender, queue: DeliveryQueue, lease: ReceiverLease, wakeUp: WakeUp,
        timing: Timing, startedAt: ContinuousClock.Instant, reporter: DeliveryReporter
    ) {
        self.receiver = receiver
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
                let age = ContinuousClock.now - startedAt + timing.reachBack
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
        // What another has met since.
        outage = nil
        hasOutageEnded = false
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
        mayHaveMissed = true
    }

    private mutating func takeTurn() async throws(StoreError) {
        try await confirm()
        try await read()
        try await confirm()
        let now = lease.now
        let next = waiting.next
        let dueAt = next.map { max($0.dueAt, outage?.notBefore ?? 0) }
        if let next, let dueAt, dueAt <= now { return try await attempt(next) }
        // There is more of what others have left.
        guard place == nil || waiting.room == 0 else { return }
        let due = dueAt.map { Duration.milliseconds($0 - now) } ?? timing.poll
        await wakeUp.wait(atMost: min(due, timing.poll))
    }

    private mutating func confirm() async throws(StoreError) {
        guard !unconfirmed.isEmpty || hasOutageEnded else { return }
        try await queue.acknowledge(Array(unconfirmed), endsOutage: hasOutageEnded)
        unconfirmed = []
        hasOutageEnded = false
    }
}
