import NIOCore
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateWire

/// What benchmarks/compare asks as well: CHECKs of 1000 users, who call 20 tools of 4 providers; six sliding limits each,
/// none of which refuses; history of all scopes.
struct StandardMix {
    private static let policy = """
        history: [user, tool, provider]
        defaults:
          user: { requests: { 1m: 1000000000, 1h: 1000000000, 24h: 1000000000 } }
          tool: { requests: { 1m: 1000000000, 1h: 1000000000 } }
          provider: { requests: { 1m: 1000000000 } }
        """

    /// A line of every user, as they come from a socket.
    let received: ByteBuffer
    /// What the lines say.
    let requests: [Request]
    /// Has all of their scopes.
    let cache: ScopePlanCache
    /// Those of each request.
    let scopes: [[ScopePlan]]

    init() throws {
        let lines = (0..<1_000).map { "CHECK user=u\($0) tool=t\($0 % 20) provider=p\($0 % 4)\n" }
        received = ByteBuffer(string: lines.joined())
        requests = try Self.parse(received, lines.count)
        let policy = try Policy(yaml: Self.policy, file: "policy")
        let cache = ScopePlanCache(policy: policy, keySpace: KeySpace(namespace: "tollgate"))
        scopes = try requests.map { request in
            try request.scopes.map { cache.plan(for: try Scope(parsing: request.text($0.text))) }
        }
        self.cache = cache
    }

    private static func parse(_ lines: ByteBuffer, _ count: Int) throws -> [Request] {
        var reader = RequestReader()
        var rest = lines
        return (0..<count).map { _ in
            guard reader.next(from: &rest) == .request else { preconditionFailure("every line is a request") }
            return reader.request
        }
    }
}
