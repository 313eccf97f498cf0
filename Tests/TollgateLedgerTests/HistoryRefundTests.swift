import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger

/// Tests of the amounts that REFUND and CANCEL take from days and months.
@Suite struct HistoryRefundTests {
    private static let start = ScriptTests.start
    private static let day: Int64 = 86_400_000
    private static let today = "2100-01-01"

    private func withHarness(_ body: (LedgerHarness) async throws -> Void) async throws {
        var policy = Policy()
        policy.defaults[try ScopeKind(parsing: "user")] = [
            Limit(.cost, .day, max: nil), Limit(.tokens, .day, max: nil),
        ]
        let harness = try await LedgerHarness(policy: policy)
        try await body(harness)
        try await harness.stop()
    }

    private func record(_ scopes: String..., cost: Int64) throws -> TestOperation {
        TestOperation(
            verb: .record, amounts: Amounts(requests: 0, cost: cost), scopes: try scopes.map { try Scope(parsing: $0) })
    }

    private func refund(_ scopes: String..., cost: Int64) throws -> TestOperation {
        TestOperation(
            verb: .refund, amounts: Amounts(cost: cost), scopes: try scopes.map { try Scope(parsing: $0) })
    }

    @Test(
        "labels that a refund does not name are no bound: the day falls with the counter, and its parts stay",
        arguments: [true, false])
    func unnamed(inOneBatch: Bool) async throws {
        try await withHarness { harness in
            let operations = [
                try record("user:a", "provider:p", cost: 200), try refund("user:a", cost: 25),
            ]
            if inOneBatch {
                _ = try await harness.apply(operations, at: Self.start)
            } else {
                for operation in operations { _ = try await harness.apply(operation, at: Self.start) }
            }
            #expect(try harness.redis.hash("tollgate:user:a")["cost/day"] == "175")
            let stored = try StoredHistory(harness.redis)
            let day = stored.day(Self.today, of: "user:a")
            #expect(day == ["cost": 175, "cost/provider=p": 200])
            #expect(stored.unnamed(day, of: "user:a")["cost/provider"] == -25)
            #expect(stored.day(Self.today, of: "provider:p") == ["cost": 200])
            #expect(stored.rankings["tollgate:top-scopes:user:cost:\(Self.today)"] == ["user:a": "175"])
        }
    }

    @Test("the amount taken is bounded by the total and by each named label")
    func bounds() async throws {
        try await withHarness { harness in
            _ = try await harness.apply(
                [
                    record("user:a", "provider:p", "tool:t", cost: 100), record("user:a", "tool:t", cost: 50),
                    record("user:a", "model:m", cost: 20),
                ], at: Self.start)
            func day() throws -> [String: Int64] { try StoredHistory(harness.redis).day(Self.today, of: "user:a") }
            // The provider has 100, the total is 170.
            _ = try await harness.apply(refund("user:a", "provider:p", "tool:t", cost: 120), at: Self.start)
            #expect(try day() == ["cost": 70, "cost/tool=t": 50, "cost/model=m": 20])
            // A label that the day does not have bounds the refund to 0.
            _ = try await harness.apply(refund("user:a", "tool:new", cost: 5), at: Self.start)
            _ = try await harness.apply(refund("user:a", "provider:p", cost: 5), at: Self.start)
            #expect(try day() == ["cost": 70, "cost/tool=t": 50, "cost/model=m": 20])
            _ = try await harness.apply(refund("user:a", cost: 60), at: Self.start)
            // The tool has 50, but the total is 10.
            _ = try await harness.apply(refund("user:a", "tool:t", cost: 40), at: Self.start)
            #expect(try day() == ["cost/tool=t": 40, "cost/model=m": 20])
            let stored = try StoredHistory(harness.redis)
            #expect(stored.unnamed(try day(), of: "user:a") == ["cost/tool": -40, "cost/model": -20])
            stored.expectSums()
        }
    }

    @Test("if refunds name only the user, its day equals its counter", arguments: UInt64(1)...4)
    func followsCounter(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        try await withHarness { harness in
            for _ in 0..<40 {
                let batch = try (0..<Int.random(in: 1...20, using: &random)).map { _ in
                    let amounts = Amounts(
                        tokens: Int64.random(in: 0...9, using: &random), cost: Int64.random(in: 0...99, using: &random))
                    let tool = "tool:t\(Int.random(in: 0..<250, using: &random))"
                    return switch Int.random(in: 0..<4, using: &random) {
                    case 0: try TestOperation.record("user:a", amounts: amounts)
                    case 1: try TestOperation.record("user:a", tool, "model:m", amounts: amounts)
                    default: try TestOperation.refund("user:a", amounts: amounts)
                    }
                }
                _ = try await harness.apply(batch, at: Self.start)
                let counters = try harness.redis.hash("tollgate:user:a")
                let stored = try StoredHistory(harness.redis)
                let day = stored.day(Self.today, of: "user:a")
                for meter in ["cost", "tokens"] {
                    #expect(day[meter, default: 0] == Int64(counters["\(meter)/day"] ?? "0"), "seed \(seed)")
                }
                stored.expectSums()
            }
        }
    }

    @Test(
        "a refund on a full day record takes from its others, and no more than they have",
        arguments: [true, false])
    func others(inOneBatch: Bool) async throws {
        try await withHarness { harness in
            let operations =
                try (1...202).map { try record("user:a", "tool:t\($0)", cost: 10) } + [
                    refund("user:a", "tool:t1", cost: 3), refund("user:a", "tool:t201", cost: 15),
                    refund("user:a", "tool:t300", cost: 1), refund("user:a", "tool:t202", cost: 10),
                ]
            if inOneBatch {
                _ = try await harness.apply(operations, at: Self.start)
            } else {
                for operation in operations { _ = try await harness.apply(operation, at: Self.start) }
            }
            let stored = try StoredHistory(harness.redis)
            let day = stored.day(Self.today, of: "user:a")
            #expect(day["cost/tool=t1"] == 7 && day["cost/tool=t2"] == 10)
            #expect(day["cost/tool/other"] == nil && day["cost/tool=t201"] == nil)
            #expect(day["cost"] == 1_997)
            stored.expectSums()
            stored.expectAllNamed(["tool"])
        }
    }

    @Test("a refund for a past day is taken from its month too")
    func moved() async throws {
        try await withHarness { harness in
            _ = try await harness.apply(record("user:a", "provider:p", cost: 100), at: Self.start)
            _ = try await harness.apply(record("user:a", "provider:p", cost: 10), at: Self.start + Self.day)
            _ = try await harness.apply(refund("user:a", cost: 30), at: Self.start)
            _ = try await harness.apply(refund("user:a", cost: 4), at: Self.start + Self.day)
            let stored = try StoredHistory(harness.redis)
            #expect(stored.day(Self.today, of: "user:a") == ["cost": 70, "cost/provider=p": 100])
            let month = stored.month("2100-01", of: "user:a")
            #expect(month == ["cost": 76, "cost/provider=p": 110])
            #expect(stored.unnamed(month, of: "user:a")["cost/provider"] == -34)
            stored.expectSums()
        }
    }

    @Test("a refund reads only the labels it names, however large the day record is")
    func reads() async throws {
        try await withHarness { harness in
            _ = try await harness.apply(
                (1...150).map { try record("user:a", "tool:t\($0)", "model:m\($0)", cost: 10) }, at: Self.start)
            try harness.redis.cli("CONFIG", "RESETSTAT")
            _ = try await harness.apply(refund("user:a", "tool:t7", cost: 3), at: Self.start)
            let counts = try commandCounts(harness.redis)
            #expect(counts["hgetall"] == nil, "\(counts)")
            // The scopes' hashes; then the totals of the user's day, and its tool; then the totals of the tool's day.
            #expect(counts["hmget"] == 5, "\(counts)")
        }
    }
}
