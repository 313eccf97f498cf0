import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger

/// Tests of the rankings of a day's top scopes.
@Suite struct HistoryRankingTests {
    private static let start = ScriptTests.start

    private func stored(_ harness: LedgerHarness) throws -> [String: Int64] {
        try #require(try StoredHistory(harness.redis).rankings["tollgate:top-scopes:user:cost:2100-01-01"])
            .compactMapValues { Int64($0) }
    }

    /// Expects the thousand scopes with the largest totals, and few others.
    private func expect(_ harness: LedgerHarness, _ totals: [String: Int64]) throws {
        let ranking = try stored(harness)
        let most = totals.sorted { $0.value > $1.value }.prefix(1_000).map { ($0, $1) }
        #expect((1_000...1_100).contains(ranking.count))
        #expect(ranking.merging(most) { $1 } == ranking)
        #expect(ranking.allSatisfy { totals[$0.key] == $0.value })
    }

    @Test("a ranking keeps the largest totals when scopes are added one by one")
    func oneByOne() async throws {
        let harness = try await LedgerHarness(policy: Policy.empty)
        var totals: [String: Int64] = [:]
        for number in 0..<1_150 {
            let user = "user:u\(number)"
            totals[user] = Int64((number * 617) % 1_151 + 1)
            _ = try await harness.apply(.record(user, amounts: Amounts(cost: totals[user])), at: Self.start)
        }
        try expect(harness, totals)
        try await harness.stop()
    }

    @Test("a ranking key of another type does not prevent counting")
    func noRanking() async throws {
        let harness = try await LedgerHarness(policy: Policy.empty)
        let key = "tollgate:top-scopes:user:cost:2100-01-01"
        try harness.redis.cli("SET", key, "something else")
        let record = try TestOperation.record("user:a", amounts: Amounts(cost: 5))
        _ = try await harness.apply(record, at: Self.start)
        _ = try await harness.apply([record, .record("user:b", amounts: Amounts(cost: 5))], at: Self.start)
        #expect(try harness.redis.cli("GET", key) == "something else")
        #expect(try harness.redis.hash("tollgate:user:a")["history/cost"] == "10")
        try await harness.stop()
    }

    @Test("a ranking has the day's top thousand, and follows refunds")
    func ranking() async throws {
        let harness = try await LedgerHarness(policy: Policy.empty)
        var totals: [String: Int64] = [:]
        var random = SeededGenerator(seed: 3)
        for _ in 0..<12 {
            let batch = try (0..<400).map { _ in
                let user = "user:u\(Int.random(in: 0..<1_700, using: &random))"
                let cost = Int64.random(in: 1...1_000_000, using: &random)
                totals[user, default: 0] += cost
                return try TestOperation.record(user, amounts: Amounts(cost: cost))
            }
            _ = try await harness.apply(batch, at: Self.start)
        }
        #expect(totals.count > 1_300)
        try expect(harness, totals)
        let first = try #require(totals.max { $0.value < $1.value })
        _ = try await harness.apply(
            .refund(first.key, amounts: Amounts(cost: first.value - 1)), at: Self.start)
        #expect(try stored(harness)[first.key] == 1)
        try await harness.stop()
    }
}
