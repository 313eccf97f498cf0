package import TollgateCore
package import TollgateRedis

/// Reads the days and months of scopes, which the batch script writes (history.lua). Never on the way of a request.
///
/// Usable from any task; what it sends goes over one link, which has to load `scripts`.
package final class HistoryStore: Sendable {
    /// What its link has to load.
    package static let scripts: [RedisScript] = []

    let link: StoreLink
    let namespace: String

    package init(link: StoreLink, namespace: String) {
        self.link = link
        self.namespace = namespace
    }
}
