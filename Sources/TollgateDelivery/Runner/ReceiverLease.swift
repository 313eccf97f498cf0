import Synchronization
import TollgateLedger
import TollgateStores

/// The right of this sidecar to deliver for a receiver: at most one sidecar has it at a time, as long as it says so again in time.
/// Also knows what time it is for Redis. Usable from any task.
final class ReceiverLease: Sendable {
    private struct State {
        var heldUntil: ContinuousClock.Instant?
        /// Redis's Unix time in ms minus this host's monotonic time.
        var offset: Int64 = 0
    }

    private let queue: DeliveryQueue
    let sidecar: String
    private let timing: Timing
    private let epoch = ContinuousClock.now
    private let state = Mutex(State())

    init(queue: DeliveryQueue, sidecar: String, timing: Timing) {
        self.queue = queue
        self.sidecar = sidecar
        self.timing = timing
    }

    /// False as soon as another could have it.
    var isHeld: Bool { state.withLock { $0.heldUntil.map { ContinuousClock.now < $0 } ?? false } }

    /// What Redis's clock probably says, Unix ms. Known once it was asked for.
    var now: Int64 { state.withLock { $0.offset } + monotonic }

    private var monotonic: Int64 { (ContinuousClock.now - epoch).milliseconds }

    /// Whether this sidecar has it now.
    func take() async throws(StoreError) -> Bool { try await ask() != .other }

    /// Says again and again that this sidecar is there; returns when it has lost the right, or the task is cancelled.
    func keep() async {
        while isHeld, (try? await Task.sleep(for: timing.renewal)) != nil {
            // Where Redis does not answer it ends by itself.
            guard let answer = try? await ask() else { continue }
            // Taken anew, it may have been another's in between, who has read and delivered.
            if answer != .kept { return lose() }
        }
    }

    /// Returns when this sidecar has it no more, or the task is cancelled.
    func waitForEnd() async {
        while let end = state.withLock({ $0.heldUntil }), ContinuousClock.now < end {
            // It may be lost before, or held for longer by then.
            guard (try? await Task.sleep(until: min(end, .now + timing.renewal))) != nil else { return }
        }
    }

    /// Another has it.
    func lose() {
        state.withLock { $0.heldUntil = nil }
    }

    /// So that others need not wait for its end.
    func giveBack() async {
        guard isHeld else { return }
        lose()
        _ = try? await queue.lease(for: sidecar, milliseconds: 0)
    }

    private func ask() async throws(StoreError) -> DeliveryQueue.Lease {
        // It ends in Redis no earlier than here.
        let asked = ContinuousClock.now
        let (answer, now) = try await queue.lease(for: sidecar, milliseconds: timing.lease.milliseconds)
        let offset = now - monotonic
        state.withLock { state in
            // An answer that took its time says too little: the highest is right, unless Redis's clock was set back.
            if offset > state.offset || offset < state.offset - timing.lease.milliseconds { state.offset = offset }
            state.heldUntil = answer == .other ? nil : asked + timing.lease
        }
        return answer
    }
}
