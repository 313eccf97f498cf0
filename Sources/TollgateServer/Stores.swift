import Logging
package import TollgateLedger
import TollgateRedis

/// What a sidecar keeps in Redis beside the counters, over one link, which has to load `scripts`. Usable from any task.
package struct Stores: Sendable {
    static let scripts = PolicyStore.scripts + AlertStore.scripts + DeliveryQueue.scripts + HistoryStore.scripts

    package let policy: PolicyStore
    package let alerts: AlertStore
    package let history: HistoryStore

    init(_ link: StoreLink, namespace: String, logger: Logger) {
        policy = PolicyStore(link: link, namespace: namespace)
        alerts = AlertStore(link: link, namespace: namespace, logger: logger)
        history = HistoryStore(link: link, namespace: namespace)
    }
}
