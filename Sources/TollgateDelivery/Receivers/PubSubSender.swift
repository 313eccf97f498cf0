import TollgateStores

/// Publishes the webhook's JSON on a channel of Redis. An event counts as delivered once Redis has accepted it, even if
/// the channel has no subscribers.
struct PubSubSender: AlertSender {
    let channel: String
    let queue: DeliveryQueue

    func deliver(_ entry: AlertEntry, isTest: Bool) async -> DeliveryOutcome {
        guard let body = try? EventMessage(entry, isTest: isTest).json else { return .unwritable }
        do throws(StoreError) {
            try await queue.publish(body, on: channel)
            return .delivered(status: nil)
        } catch {
            return .failed(.init(sentence: "Redis: \(error)"))
        }
    }
}
