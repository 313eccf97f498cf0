package import TollgateRedis

/// Reads the days and months of scopes, which the batch script writes (history.lua). Never on the way of a request.
///
/// Usable from any task; what it sends goes over one link, which has to load `scripts`.
package final class HistoryStore: Sendable {
    /// What its link has to load.
    package static let scripts: [RedisScript] = []

    /// How much of a page is read.
    package enum Detail: Sendable {
        /// What it counts in all: six fields.
        case totals
        /// Also by provider, tool and model: up to 200 of each, and six fields of each of them.
        case labels
    }

    let link: StoreLink
    let keys: HistoryKeys

    package init(link: StoreLink, namespace: String) {
        self.link = link
        keys = HistoryKeys(namespace: namespace)
    }
}
