import TollgateCore
import TollgateLedger
import TollgateStores

/// What a sidecar has read for a receiver and not delivered yet, in the order of the stream. What the
/// receiver takes for one thing, such as an alert, is told in its order: behind an entry that waits to be tried again the later ones of the
/// same wait too; others go on. Pure.
struct WaitingDeliveries {
    /// One entry of the stream.
    struct Delivery {
        var entry: AlertEntry
        /// The same for those that are told one after the other.
        var order: String
        /// When it is to be tried, Unix ms.
        var dueAt: Int64
        /// Of earlier attempts.
        var failure: FailedDelivery?
    }

    /// No more are read: they wait in the stream.
    static let most = 1_000

    private var deliveries: [Delivery] = []

    /// How many more there may be.
    var room: Int { Self.most - deliveries.count }

    /// At the end; `now` in Unix ms.
    mutating func append(_ entry: AlertEntry, order: String, failure: FailedDelivery?, now: Int64) {
        deliveries.append(Delivery(entry: entry, order: order, dueAt: failure?.nextAt ?? now, failure: failure))
    }

    mutating func remove(_ id: String) {
        deliveries.removeAll { $0.entry.id == id }
    }

    /// Whether any of them has failed so far.
    var isAnyFailing: Bool { deliveries.contains { $0.failure != nil } }

    /// Those that came at that time (Unix ms) or before it.
    func those(from time: Int64) -> [Delivery] {
        deliveries.filter { StreamOrder.milliseconds($0.entry.id).map { $0 <= time } ?? false }
    }

    /// It has failed once more.
    mutating func postpone(_ id: String, _ failure: FailedDelivery) {
        guard let index = deliveries.firstIndex(where: { $0.entry.id == id }) else { return }
        deliveries[index].failure = failure
        deliveries[index].dueAt = failure.nextAt
    }

    /// The one that is due next and may be tried before all others; of those due at the same time the first in the stream. It may
    /// not be due yet. Of what is overdue the longest waiting comes first, so that one which fails and fails takes turns with others.
    var next: Delivery? {
        var seen: Set<String> = []
        var next: Delivery?
        for delivery in deliveries where seen.insert(delivery.order).inserted {
            if delivery.dueAt < next?.dueAt ?? .max { next = delivery }
        }
        return next
    }
}
