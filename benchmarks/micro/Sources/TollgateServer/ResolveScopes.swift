package import TollgateLedger
package import TollgateWire

/// A run: the plans of one request's three scopes are found.
package struct ResolveScopes {
    private var resolver: ScopeResolver
    private let requests: [Request]
    private var plans: [ScopePlan] = []
    private var next = 0

    /// The cache has the scopes of the requests.
    package init(_ requests: [Request], in cache: ScopePlanCache) {
        resolver = ScopeResolver(cache: cache)
        self.requests = requests
    }

    package mutating func run(_ times: Int) -> Int {
        var sum = 0
        for _ in 0..<times {
            resolver.resolve(requests[next].scopes, of: requests[next].bytes, into: &plans)
            sum &+= plans.count
            next += 1
            if next == requests.count { next = 0 }
        }
        return sum
    }
}
