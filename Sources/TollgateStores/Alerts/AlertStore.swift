package import Logging
import TollgateCore
package import TollgateLedger
import TollgateRedis

/// Alerts, denial events, and what is to be delivered, in Redis, for all sidecars. Never on the way of a request.
///
/// Usable from any task; what it sends goes over one link.
package final class AlertStore: Sendable {
    static let publishFunction = RedisFunction("alerts/publish")

    /// A page of an index is read as one of the scopes seen is.
    static let pageFunction = PolicyStore.seenFunction

    let link: StoreLink
    let keySpace: KeySpace
    package let keys: AlertKeys

    /// Says what lists have left out because it cannot be read.
    let unreadable: OnceLog

    package init(link: StoreLink, keySpace: KeySpace, logger: Logger) {
        self.link = link
        unreadable = OnceLog(logger)
        self.keySpace = keySpace
        keys = AlertKeys(namespace: keySpace.namespace)
    }
}
