import TollgateCore
package import TollgateLedger
import TollgatePolicy
import TollgateRedis

/// What administrators have set, in Redis, for all sidecars: reads and changes it. Never on the way of a request; what a sidecar
/// decides by it keeps in caches (docs/admin-api.md, Between sidecars).
///
/// Usable from any task; what it sends goes over one link.
package final class PolicyStore: Sendable {
    /// The most that there may be of what every sidecar keeps.
    struct Bounds {
        var tiers = SharedPolicy.maxTiers
        var assignments = SharedPolicy.maxAssignments
    }

    static let editFunction = RedisFunction("policy/edit")
    static let resetFunction = RedisFunction("policy/reset")
    static let auditFunction = RedisFunction("policy/audit")
    static let seenFunction = RedisFunction("policy/seen")

    let link: StoreLink
    let keySpace: KeySpace
    let keys: PolicyKeys
    let bounds: Bounds
    /// The highest number of a change that this sidecar has seen.
    package let seen: SeenRevision

    package convenience init(link: StoreLink, keySpace: KeySpace, seen: SeenRevision = SeenRevision()) {
        self.init(link: link, keySpace: keySpace, bounds: Bounds(), seen: seen)
    }

    init(link: StoreLink, keySpace: KeySpace, bounds: Bounds, seen: SeenRevision = SeenRevision()) {
        self.link = link
        self.keySpace = keySpace
        keys = PolicyKeys(namespace: keySpace.namespace)
        self.bounds = bounds
        self.seen = seen
    }
}
