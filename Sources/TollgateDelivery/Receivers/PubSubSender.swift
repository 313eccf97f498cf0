import TollgateCore
import TollgateLedger
import TollgateStores

/// Publishes the webhook's JSON on a channel of Redis. Redis taking it counts as delivered, whoever listens.
struct PubSubSender: AlertSender {
    let channel: String
    let queue: DeliveryQueue

    func deliver(_ entry: AlertEntry) async -> DeliveryOutcome {
        guard let body = try? EventMessage(entry).json else { return .unwritable }
        do throws(StoreError) {
            try await queue.publish(body, on: channel)
            return .delivered
        } catch {
            return .failed(.init(sentence: "Redis: \(error)"))
        }
    }
}
