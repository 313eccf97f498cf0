import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger
@testable import TollgateStores

@Suite struct PolicyStoreResetTests {
    private static let author = Author(name: "ops", address: "127.0.0.1")

    private struct Harness {
        let redis: TestRedis
        let store: PolicyStore

        static func with(_ body: (Harness) async throws -> Void) async throws {
            let redis = try TestRedis(arguments: ["--enable-debug-command", "yes"])
            try await withStoreLink(to: redis) { link in
                try await body(
                    Harness(redis: redis, store: PolicyStore(link: link, keySpace: KeySpace(namespace: "tollgate"))))
            }
        }

        /// A digest of all data in Redis.
        var digest: String {
            get throws { try redis.cli("DEBUG", "DIGEST") }
        }
    }

    private static let limits = [
        Limit(.requests, .sliding(seconds: 60), max: 100), Limit(.requests, .sliding(seconds: 2), max: 100),
        Limit(.tokens, .total, max: 10_000), Limit(.cost, .day, max: 1_000_000_000_000),
        Limit(.cost, .month, max: 1_000_000_000_000), Limit(.concurrent, .reservation, max: 10),
    ]

    /// A scope with usage of each of its limits and an open reservation, and a store.
    private func with(
        _ body: (Harness, LedgerHarness, Scope) async throws -> Void
    ) async throws {
        try await Harness.with { harness in
            var policy = Policy()
            policy.defaults[try ScopeKind(parsing: "user")] = Self.limits
            let ledger = try await LedgerHarness(policy: policy, redis: harness.redis)
            let scope = try Scope(parsing: "user:a}b c")
            // A day that is over, which moves to its own record.
            let provider = "provider:p.n"
            _ = try await ledger.apply(
                .record("\(scope)", provider, amounts: Amounts(cost: 3)), at: Self.now - 86_400_000)
            // Usage in several buckets of the window.
            for second in 0..<5 {
                let answer = try await ledger.apply(.check("\(scope)"), at: 4_102_444_800_000 + Int64(second) * 2_500)
                #expect(answer.hasPrefix("ALLOW"))
            }
            let now = Self.now
            _ = try await ledger.apply(
                .record("\(scope)", provider, amounts: Amounts(tokens: 70, cost: 5_000)), at: now)
            _ = try await ledger.apply(
                .reserve("\(scope)", amounts: Amounts(tokens: 30, cost: 900), id: "x", seconds: 600), at: now)
            try await body(harness, ledger, scope)
            try await ledger.stop()
        }
    }

    private static let now: Int64 = 4_102_444_800_000 + 12_500

    private func used(_ ledger: LedgerHarness, _ scope: Scope) async throws -> [Int64] {
        try await ledger.usage(of: "\(scope)", at: Self.now).items.map(\.used)
    }

    /// The running day in the scope's hash, and the records of the day before and its month.
    private func historyDigest(_ harness: Harness, _ scope: Scope) throws -> [[String: String]] {
        let key = "tollgate:\(scope)"
        let running = try harness.redis.hash(key).filter { $0.key.hasPrefix("history") }
        return try [running] + [":day:2099-12-31", ":month:2099-12"].map { try harness.redis.hash(key + $0) }
    }

    @Test("a reset deletes all counters; open reservations and the history remain")
    func all() async throws {
        try await with { harness, ledger, scope in
            let key = "tollgate:\(scope)"
            let history = try historyDigest(harness, scope)
            #expect(history.allSatisfy { !$0.isEmpty })
            #expect(history[0]["history/cost/provider=p.n"] == "5000")
            let held = try harness.redis.cli("HGET", key, "held")
            let holds = try harness.redis.cli("ZRANGE", key + ":holds", "0", "-1", "WITHSCORES")
            #expect(!held.isEmpty && !holds.isEmpty)
            #expect(try await used(ledger, scope).allSatisfy { $0 > 0 })

            let names = try await harness.store.reset(scope, limits: nil, by: Self.author)
            #expect(names == ["cost/day", "cost/month", "requests/1m", "requests/2s", "tokens/total"])
            #expect(Set(try harness.redis.hash(key).keys) == Set(history[0].keys).union(["held"]))
            #expect(try harness.redis.cli("HGET", key, "held") == held)
            #expect(try harness.redis.cli("ZRANGE", key + ":holds", "0", "-1", "WITHSCORES") == holds)
            #expect(try historyDigest(harness, scope) == history)
            let usage = try await ledger.usage(of: "\(scope)", at: Self.now)
            #expect(usage.items.filter { $0.used > 0 }.count <= 1)
            #expect(usage.items.contains { $0.held == 900 })
            // The counters start from zero.
            #expect(try await ledger.apply(.check("\(scope)"), at: Self.now).hasPrefix("ALLOW"))
            #expect(try harness.redis.cli("HGET", key, "requests/1m.n") == "1")
        }
    }

    @Test("a reset of named limits deletes their counters only, and the audit log has the values")
    func named() async throws {
        try await with { harness, ledger, scope in
            let key = "tollgate:\(scope)"
            let before = try harness.redis.hash(key)
            #expect(before["requests/1m.r"] != nil)
            let names = try await harness.store.reset(
                scope, limits: [(.requests, .sliding(seconds: 60)), (.cost, .month), (.tokens, .sliding(seconds: 9))],
                by: Self.author)
            #expect(names == ["cost/month", "requests/1m"])
            let after = try harness.redis.hash(key)
            let gone = Set(before.keys).subtracting(after.keys)
            #expect(gone == ["cost/month", "cost/month.p", "requests/1m.n", "requests/1m.b", "requests/1m.r"])
            #expect(after == before.filter { !gone.contains($0.key) })
            let entry = try #require(try await harness.store.auditLog.entries(before: nil, atMost: 5).items.first)
            #expect(entry.action == "scope.reset" && entry.target == "\(scope)" && entry.after == nil)
            #expect(entry.before == #"{"cost/month":5000,"requests/1m":6}"#)
            #expect(entry.revision == 1)
        }
    }

    @Test("a reset without counters writes nothing")
    func nothing() async throws {
        try await with { harness, _, scope in
            let before = try harness.digest
            let other = try Scope(parsing: "user:nobody")
            #expect(try await harness.store.reset(other, limits: nil, by: Self.author) == [])
            #expect(try await harness.store.reset(scope, limits: [], by: Self.author) == [])
            let names = try await harness.store.reset(
                scope, limits: [(.cost, .week)], by: Self.author)
            #expect(names == [])
            #expect(try harness.digest == before)
        }
    }

    @Test("the error names a scope's key of another type")
    func otherType() async throws {
        try await Harness.with { harness in
            try harness.redis.cli("SET", "tollgate:user:a", "x")
            await #expect(throws: StoreError.corrupt("tollgate:user:a: wrong data type")) {
                _ = try await harness.store.reset(
                    Scope(parsing: "user:a"), limits: nil, by: Self.author)
            }
        }
    }
}
