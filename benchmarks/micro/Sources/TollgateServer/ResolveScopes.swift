import TollgateCore
package import TollgateLedger
import TollgatePolicy
package import TollgateWire

/// A run: the plans of one request's three scopes are found.
package struct ResolveScopes {
    private var resolver: ScopeResolver
    private let requests: [Request]
    private var plans: [ScopePlan] = []
    private var next = 0

    /// The cache has the scopes of the requests.
    package init(_ requests: [Request], in cache: ScopePlanCache) {
        // Administrators have set nothing.
        cache.install(cache.policy.merged(with: SharedPolicy()))
        resolver = ScopeResolver(cache: cache)
        self.requests = requests
    }

    package mutating func run(_ times: Int) -> Int {
        var sum = 0
        for _ in 0..<times {
            let names = ScopeResolver.Names(
                fields: requests[next].scopes, roles: requests[next].roles, email: requests[next].email)
            _ = resolver.resolve(names, of: requests[next].bytes, into: &plans)
            sum &+= plans.count
            next += 1
            if next == requests.count { next = 0 }
        }
        return sum
    }
}
