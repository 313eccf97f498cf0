import TollgateCore
import TollgateLedger
import TollgateStores

/// Reads the events for a receiver: first the pending ones of earlier sidecars, then new ones.
struct DeliveryReader {
    /// The result of a read.
    struct Batch {
        /// The items in the order of the stream, with the failures of earlier attempts.
        var items: [(item: DeliveryQueue.Item, failure: FailedDelivery?)] = []
        /// The ids of stored failures whose deliveries are no longer pending.
        var staleFailures: Set<String> = []
        /// The outage that an earlier sidecar has stored.
        var outage: ReceiverOutage?
        /// The events that were displaced from the stream before they were read.
        var missed: DeliveryQueue.Missed?
        /// Whether the consumer group was deleted, and the reader has created it again.
        var isGroupNew = false
    }

    /// The maximum number of items in a batch.
    private static let maxItems = 100

    private let queue: DeliveryQueue
    private let sidecar: String
    /// The last pending entry that was read; nil once all of them have been.
    private var position: String? = "0"
    /// The stored failures, until all pending entries have been read.
    private var failures: [String: FailedDelivery] = [:]
    /// Whether newer events may have displaced unread ones from the stream since the last check.
    private var mayHaveMissed = true

    init(queue: DeliveryQueue, sidecar: String) {
        self.queue = queue
        self.sidecar = sidecar
    }

    /// Whether pending entries of earlier sidecars remain to be read.
    var hasPending: Bool { position != nil }

    /// Starts over with the first pending entry.
    mutating func startOver() {
        self = DeliveryReader(queue: queue, sidecar: sidecar)
    }

    /// Reads the next batch. After an error, call `startOver()`.
    ///
    /// - Parameter room: The maximum number of items to read.
    mutating func next(room: Int) async throws(StoreError) -> Batch {
        let count = min(room, Self.maxItems)
        guard count > 0 else {
            mayHaveMissed = true
            return Batch()
        }
        if let position { return try await nextPending(after: position, atMost: count) }
        return try await nextFresh(atMost: count)
    }

    private mutating func nextPending(after start: String, atMost count: Int) async throws(StoreError) -> Batch {
        var batch = Batch()
        if start == "0" {
            let stored = try await queue.failures()
            failures = stored.deliveries
            batch.outage = stored.outage
        }
        guard let items = try await queue.pending(after: start, atMost: count) else { return try await openAnew(batch) }
        add(items, to: &batch)
        position = items.last?.id
        guard position == nil else { return batch }
        batch.staleFailures = Set(failures.keys)
        failures = [:]
        return batch
    }

    private mutating func nextFresh(atMost count: Int) async throws(StoreError) -> Batch {
        var batch = Batch()
        if mayHaveMissed {
            batch.missed = try await queue.skipMissed(by: sidecar)
            mayHaveMissed = false
        }
        do throws(StoreError) {
            guard let items = try await queue.fresh(atMost: count) else { return try await openAnew(batch) }
            add(items, to: &batch)
        } catch {
            // The missed events are reported once. The next read meets the same error, or succeeds.
            guard batch.missed != nil else { throw error }
        }
        return batch
    }

    private mutating func add(_ items: [DeliveryQueue.Item], to batch: inout Batch) {
        for item in items { batch.items.append((item, failures.removeValue(forKey: item.id))) }
    }

    /// Creates the deleted group at the start of the stream. If Redis has lost its data, all entries are new. If only
    /// the group was deleted, its position is unknown, and repeating deliveries is better than missing some.
    private func openAnew(_ batch: Batch) async throws(StoreError) -> Batch {
        var batch = batch
        try await queue.open(from: 0)
        batch.isGroupNew = true
        return batch
    }
}
