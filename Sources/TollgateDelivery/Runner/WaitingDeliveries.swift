import TollgateCore
import TollgateLedger
import TollgateStores

/// The deliveries that a sidecar has read for a receiver and not made yet, in the order of the stream. Pure.
///
/// Deliveries with the same ordering key, such as those of one alert, are made in order. While one waits for a retry,
/// the later ones with its key wait too, and others go on.
struct WaitingDeliveries {
    /// An entry of the stream.
    struct Delivery {
        var entry: AlertEntry
        /// The ordering key.
        var order: String
        /// The time of the next attempt, Unix ms.
        var dueAt: Int64
        /// The failure of earlier attempts.
        var failure: FailedDelivery?
    }

    /// The maximum number of waiting deliveries. Further ones remain unread in the stream.
    static let capacity = 1_000

    private var deliveries: [Delivery] = []

    /// The number of deliveries that can be added.
    var room: Int { Self.capacity - deliveries.count }

    /// Whether any of the deliveries has failed so far.
    var isAnyFailing: Bool { deliveries.contains { $0.failure != nil } }

    /// Appends a delivery; `now` in Unix ms.
    mutating func append(_ entry: AlertEntry, order: String, failure: FailedDelivery?, now: Int64) {
        deliveries.append(Delivery(entry: entry, order: order, dueAt: failure?.nextAt ?? now, failure: failure))
    }

    mutating func remove(_ id: String) {
        deliveries.removeAll { $0.entry.id == id }
    }

    /// Returns the deliveries whose events were written at a time (Unix ms) or before it.
    func written(until time: Int64) -> [Delivery] {
        deliveries.filter { StreamID.milliseconds($0.entry.id).map { $0 <= time } ?? false }
    }

    /// Schedules the retry of a delivery that has failed.
    mutating func postpone(_ id: String, _ failure: FailedDelivery) {
        guard let index = deliveries.firstIndex(where: { $0.entry.id == id }) else { return }
        deliveries[index].failure = failure
        deliveries[index].dueAt = failure.nextAt
    }

    /// The delivery that is due first among those that may be tried. It may not be due yet.
    ///
    /// Of deliveries due at the same time, it is the first in the stream. The longest overdue one comes first, so that
    /// a delivery that fails repeatedly takes turns with others.
    var next: Delivery? {
        var seen: Set<String> = []
        var next: Delivery?
        for delivery in deliveries where seen.insert(delivery.order).inserted {
            if delivery.dueAt < next?.dueAt ?? .max { next = delivery }
        }
        return next
    }
}
