package import Logging
import LuaScripts
import TollgateCore
package import TollgateRedis

/// Alerts, denial events, and what is to be delivered, in Redis, for all sidecars. Never on the way of a request.
///
/// Usable from any task; what it sends goes over one link, which has to load `scripts`.
package final class AlertStore: Sendable {
    static let publishScript = RedisScript(name: "alert_publish", source: LuaScripts.script("alerts/publish"))

    /// A page of an index is read as one of the scopes seen is.
    static let pageScript = PolicyStore.seenScript

    /// What its link has to load.
    package static let scripts = [publishScript, settleScript, forgetScript, pageScript]

    let link: StoreLink
    let namespace: String
    package let keys: AlertKeys

    /// Says what lists have left out because it cannot be read.
    let unreadable: OnceLog

    package init(link: StoreLink, namespace: String, logger: Logger) {
        self.link = link
        unreadable = OnceLog(logger)
        self.namespace = namespace
        keys = AlertKeys(namespace: namespace)
    }
}
