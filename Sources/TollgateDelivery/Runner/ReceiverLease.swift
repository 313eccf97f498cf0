import Synchronization
import TollgateLedger
import TollgateRedis
import TollgateStores

/// The lease of a receiver, by which at most one sidecar at a time delivers to it. It must be renewed in time.
///
/// Its replies also synchronize a clock with Redis's. A lease can be used from any task.
final class ReceiverLease: Sendable {
    private struct State {
        var heldUntil: ContinuousClock.Instant?
        var clock = RedisClock()
        var retries = ""
    }

    private let queue: DeliveryQueue
    /// Woken when an administrator has requested a retry.
    private let wakeUp: WakeUp
    let sidecar: String
    private let timing: Timing
    private let state = Mutex(State())

    init(queue: DeliveryQueue, wakeUp: WakeUp, sidecar: String, timing: Timing) {
        self.queue = queue
        self.wakeUp = wakeUp
        self.sidecar = sidecar
        self.timing = timing
    }

    /// Whether this sidecar has the lease. False as soon as another sidecar could have it.
    var isHeld: Bool { state.withLock { $0.heldUntil.map { ContinuousClock.now < $0 } ?? false } }

    /// The estimated time of Redis's clock, Unix ms. It is this host's clock before the first `acquire()`.
    var now: Int64 { state.withLock { $0.clock.now } }

    /// The number of retries that administrators have requested, as of the last reply. If it changes, the state of the
    /// deliveries has to be read again.
    var retries: String { state.withLock { $0.retries } }

    /// Requests the lease. Returns whether this sidecar has it.
    func acquire() async throws(StoreError) -> Bool { try await request() != .other }

    /// Renews the lease periodically. Returns when the lease is lost or the task is cancelled.
    func keepRenewing() async {
        while isHeld, (try? await Task.sleep(for: timing.renewal)) != nil {
            // If Redis does not answer, the lease ends by itself.
            guard let reply = try? await request() else { continue }
            // If it was acquired again, another sidecar may have had it meanwhile, and have read and delivered.
            if reply != .renewed { return lose() }
        }
    }

    /// Returns when this sidecar no longer has the lease, or the task is cancelled.
    func waitForEnd() async {
        while let end = state.withLock({ $0.heldUntil }), ContinuousClock.now < end {
            // It may be lost earlier, or be renewed by then.
            guard (try? await Task.sleep(until: min(end, .now + timing.renewal))) != nil else { return }
        }
    }

    /// Records that another sidecar has the lease.
    func lose() {
        state.withLock { $0.heldUntil = nil }
    }

    /// Releases the lease, so that other sidecars need not wait for its end.
    func release() async {
        guard isHeld else { return }
        lose()
        _ = try? await queue.lease(for: sidecar, milliseconds: 0)
    }

    private func request() async throws(StoreError) -> DeliveryQueue.Lease {
        // Counts from before the request, so that the lease ends in Redis no earlier than here.
        let requestedAt = ContinuousClock.now
        let reply = try await queue.lease(for: sidecar, milliseconds: timing.lease.milliseconds)
        let isRetry = state.withLock { state in
            state.clock.synchronize(with: reply.now, toleratedDelay: timing.lease.milliseconds)
            state.heldUntil = reply.lease == .other ? nil : requestedAt + timing.lease
            defer { state.retries = reply.retries }
            return state.retries != reply.retries
        }
        if isRetry { wakeUp.wake() }
        return reply.lease
    }
}
