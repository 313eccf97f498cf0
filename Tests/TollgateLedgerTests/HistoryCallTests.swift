import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger

@Suite("Calls in the history")
struct HistoryCallTests {
    private static let start = ScriptTests.start
    private static let today = "2100-01-01"

    private func withHarness(_ body: (LedgerHarness) async throws -> Void) async throws {
        let harness = try await LedgerHarness(policy: Policy.empty)
        try await body(harness)
        try await harness.stop()
    }

    private func day(_ scope: String, _ harness: LedgerHarness, _ id: String = today) throws -> [String: Int64] {
        try StoredHistory(harness.redis).day(id, of: scope)
    }

    @Test("a RECORD is one call, or as many as it states requests, by the labels that it names")
    func records() async throws {
        try await withHarness { harness in
            _ = try await harness.apply(
                [
                    .check("user:a"), .record("user:a", "provider:p", "tool:t", amounts: Amounts(tokens: 5)),
                    .record("user:a", "provider:p", amounts: Amounts(requests: 3, tokens: 7)),
                    .record("user:a", "tool:t", amounts: Amounts(requests: 0, tokens: 1)),
                ], at: Self.start)
            #expect(
                try day("user:a", harness) == [
                    "requests": 4, "calls": 4, "tokens": 13, "requests/provider=p": 3, "calls/provider=p": 4,
                    "tokens/provider=p": 12, "calls/tool=t": 1, "tokens/tool=t": 6,
                ])
            #expect(
                try day("provider:p", harness) == [
                    "requests": 3, "calls": 4, "tokens": 12, "calls/tool=t": 1, "tokens/tool=t": 5,
                ])
            let ranking = try StoredHistory(harness.redis).rankings["tollgate:top-scopes:user:calls:\(Self.today)"]
            #expect(ranking == ["user:a": "4"])
        }
    }

    @Test("a COMMIT is a call of the day of its RESERVE; a RESERVE and a CANCEL are none")
    func reservations() async throws {
        try await withHarness { harness in
            let kept = try TestOperation.reserve("user:a", "provider:p", id: "1", seconds: 86_400)
            let cancelled = try TestOperation.reserve("user:a", "provider:p", id: "2", seconds: 86_400)
            _ = try await harness.apply([kept, cancelled, cancelled.cancel(madeAt: Self.start)], at: Self.start)
            #expect(try day("user:a", harness) == ["requests": 1, "requests/provider=p": 1])
            let late = Self.start + 86_400_000
            _ = try await harness.apply(.check("user:a"), at: late)
            _ = try await harness.apply(kept.commit(madeAt: Self.start, amounts: Amounts()), at: late)
            #expect(
                try day("user:a", harness) == [
                    "requests": 1, "requests/provider=p": 1, "calls": 1, "calls/provider=p": 1,
                ])
            #expect(try day("user:a", harness, "2100-01-02") == ["requests": 1])
            #expect(
                try StoredHistory(harness.redis).month("2100-01", of: "user:a") == [
                    "requests": 2, "requests/provider=p": 1, "calls": 1, "calls/provider=p": 1,
                ])
        }
    }

    @Test("a REFUND takes calls back only with requests, and none goes below zero")
    func refunds() async throws {
        try await withHarness { harness in
            let record = try TestOperation.record("user:a", "tool:t", amounts: Amounts(tokens: 5))
            _ = try await harness.apply([record, record], at: Self.start)
            _ = try await harness.apply(.refund("user:a", "tool:t", amounts: Amounts(tokens: 5)), at: Self.start)
            let afterOne = ["calls": Int64(2), "calls/tool=t": 2, "tokens": 5, "tokens/tool=t": 5]
            #expect(try day("user:a", harness) == afterOne)
            let refund = try TestOperation.refund("user:a", "tool:t", amounts: Amounts(requests: 1))
            _ = try await harness.apply([refund, refund, refund], at: Self.start)
            #expect(try day("user:a", harness) == ["tokens": 5, "tokens/tool=t": 5])
        }
    }

    @Test("a repeated RECORD with an id is one call")
    func once() async throws {
        try await withHarness { harness in
            let record = try TestOperation.record("user:a", amounts: Amounts(tokens: 5)).once("7")
            _ = try await harness.apply([record, record], at: Self.start)
            #expect(try await harness.apply(record, at: Self.start) == "OK duplicate")
            #expect(try day("user:a", harness) == ["calls": 1, "tokens": 5])
        }
    }
}
