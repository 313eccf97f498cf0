import Testing
import TollgateCore
import TollgatePolicy

@testable import TollgateLedger

@Suite struct ScopePlanCacheTests {
    private func cache(generationSize: Int = 4) throws -> ScopePlanCache {
        var policy = Policy()
        policy.defaults[try ScopeKind(parsing: "user")] = [Limit(.requests, .sliding(seconds: 60), max: 60)]
        policy.scopes[try Scope(parsing: "user:vip")] = [Limit(.requests, .sliding(seconds: 60), max: 600)]
        return ScopePlanCache(policy: policy, keySpace: KeySpace(namespace: "ns"), generationSize: generationSize)
    }

    private func plan(_ text: String, in cache: ScopePlanCache) -> ScopePlan? {
        Array(text.utf8).withUnsafeBytes { cache.plan(forScope: $0) }
    }

    @Test("a scope keeps its plan, and scopes with the same limits share their set")
    func sharing() throws {
        let cache = try cache()
        let alice = try #require(plan("user:alice", in: cache))
        #expect(plan("user:alice", in: cache) === alice)
        let bob = try #require(plan("user:bob", in: cache))
        #expect(alice !== bob)
        #expect(alice.set === bob.set)
        let vip = try #require(plan("user:vip", in: cache))
        #expect(vip.set !== alice.set)
        #expect(vip.set.limits.map(\.limit.max) == [600])
    }

    @Test("the cache never has more than two generations, and used plans stay")
    func bounded() throws {
        let cache = try cache(generationSize: 100)
        let alice = try #require(plan("user:alice", in: cache))
        for number in 0..<10_000 {
            _ = plan("user:u\(number)", in: cache)
            if number.isMultiple(of: 50) { #expect(plan("user:alice", in: cache) === alice) }
            #expect(cache.count <= 200)
        }
    }

    @Test(
        "every id finds its own plan",
        arguments: ["a", "12345678", "123456789", "ü", "a b", "}{", "x++y", String(repeating: "l", count: 256)])
    func ids(_ id: String) throws {
        let cache = try cache()
        let found = try #require(plan("user:\(id)", in: cache))
        #expect(found.scope.description == "user:\(id)")
        #expect(found.withKey { String(decoding: $0, as: UTF8.self) }.hasSuffix("ns:user:\(id)\r\n"))
    }

    @Test("a composite scope in another order is the same scope")
    func order() throws {
        let cache = try cache()
        #expect(plan("tool:t+user:u", in: cache) === plan("user:u+tool:t", in: cache))
    }

    @Test(
        "invalid scopes have no plan",
        arguments: ["", "user", "user:", ":a", "User:a", "user:a+", "user:a+tool", "\u{ff}"])
    func noScope(_ text: String) throws {
        #expect(plan(text, in: try cache()) == nil)
    }
}
