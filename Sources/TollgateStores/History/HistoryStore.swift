package import TollgateCore
package import TollgateLedger

/// Reads the days and months of scopes, which the batch script writes (history.lua). Never on the way of a request.
///
/// Usable from any task; what it sends goes over one link.
package final class HistoryStore: Sendable {
    /// How much of a page is read.
    package enum Detail: Sendable {
        /// What it counts in all: six fields.
        case totals
        /// Also by these: up to 200 labels of each, and six fields of each label. Redis sends those of the others as well.
        case labels(Set<HistoryDimension>)

        package static let everything = Detail.labels(Set(HistoryDimension.allCases))

        /// The most pages that are asked for right behind each other. Redis answers nobody else until it has answered those, and
        /// the replies share one deadline.
        var pagesAtOnce: Int {
            switch self {
            case .totals: 31
            case .labels: 4
            }
        }
    }

    let link: StoreLink
    let keys: KeySpace
    /// However many want pages, Redis has those of one to send at a time.
    let turns = Turns()

    package init(link: StoreLink, keySpace: KeySpace) {
        self.link = link
        keys = keySpace
    }
}

extension KeySpace {
    /// Sorted set of the scopes of a kind by what they used of a meter on the day of that id.
    package func topScopes(
        _ kind: ScopeKind, _ meter: HistoryMeter, day id: String, in partition: Partition?
    ) -> String {
        "\(prefix(of: partition))top-scopes:\(kind):\(meter.name):\(id)"
    }
}
