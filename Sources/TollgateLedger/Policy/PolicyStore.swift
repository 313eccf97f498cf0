package import NIOCore
package import TollgateCore
package import TollgateRedis

/// What administrators have set, in Redis, for all sidecars: reads and changes it. Never on the way of a request; what a sidecar
/// decides by it keeps in caches (README.md, Administration).
///
/// Usable from any task; what it sends goes over one link.
package final class PolicyStore: Sendable {
    let link: NIOLoopBound<RedisLink>
    let keys: PolicyKeys
    let deadline: TimeAmount

    package init(link: NIOLoopBound<RedisLink>, namespace: String, deadline: TimeAmount) {
        self.link = link
        keys = PolicyKeys(namespace: namespace)
        self.deadline = deadline
    }
}
