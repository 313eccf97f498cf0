import Logging
import TollgateLedger
import TollgateRedis
package import TollgateStores

/// What a sidecar keeps in Redis beside the counters. Usable from any task.
package struct Stores: Sendable {
    package let policy: PolicyStore
    package let alerts: AlertStore
    package let reservations: ReservationStore
    let libraries: FunctionLibraries
    /// Over a link of its own: its replies are long.
    package let history: HistoryStore

    /// - Parameters:
    ///   - link: of what is short.
    ///   - pages: of history.
    init(
        _ link: StoreLink, pages: StoreLink, keySpace: KeySpace, seen: SeenRevision = SeenRevision(), logger: Logger
    ) {
        policy = PolicyStore(link: link, keySpace: keySpace, seen: seen)
        reservations = ReservationStore(link: link, keySpace: keySpace)
        libraries = FunctionLibraries(link: link, namespace: keySpace.namespace)
        alerts = AlertStore(link: link, keySpace: keySpace, logger: logger)
        history = HistoryStore(link: pages, keySpace: keySpace)
    }
}
