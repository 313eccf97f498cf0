import LuaScripts
package import TollgateCore
package import TollgateRedis

/// Alerts, denial events, and what is to be delivered, in Redis, for all sidecars. Never on the way of a request.
///
/// Usable from any task; what it sends goes over one link, which has to load `scripts`.
package final class AlertStore: Sendable {
    static let publishScript = RedisScript(name: "alert_publish", source: LuaScripts.alertPublish)

    /// What its link has to load.
    package static let scripts: [RedisScript] = [publishScript]

    let link: StoreLink
    package let keys: AlertKeys

    package init(link: StoreLink, namespace: String) {
        self.link = link
        keys = AlertKeys(namespace: namespace)
    }
}
