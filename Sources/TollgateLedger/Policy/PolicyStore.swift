package import NIOCore
import TollgateCore
package import TollgateRedis

/// What administrators have set, in Redis, for all sidecars: reads and changes it. Never on the way of a request; what a sidecar
/// decides by it keeps in caches (README.md, Between sidecars).
///
/// Usable from any task; what it sends goes over one link, which has to load `scripts`. A reply that does not come within the
/// deadline ends that link's connection.
package final class PolicyStore: Sendable {
    /// The most that there may be of what every sidecar keeps.
    struct Bounds {
        var tiers = SharedPolicy.mostTiers
        var assignments = SharedPolicy.mostAssignments
    }

    let link: NIOLoopBound<RedisLink>
    let namespace: String
    let keys: PolicyKeys
    let deadline: TimeAmount
    let bounds: Bounds

    package convenience init(link: NIOLoopBound<RedisLink>, namespace: String, deadline: TimeAmount) {
        self.init(link: link, namespace: namespace, deadline: deadline, bounds: Bounds())
    }

    init(link: NIOLoopBound<RedisLink>, namespace: String, deadline: TimeAmount, bounds: Bounds) {
        self.link = link
        self.namespace = namespace
        keys = PolicyKeys(namespace: namespace)
        self.deadline = deadline
        self.bounds = bounds
    }
}
