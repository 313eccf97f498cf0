import Foundation
import Testing
import TollgateCore
import TollgatePolicy
import TollgateRedis
import TollgateTestSupport

@testable import TollgateLedger
@testable import TollgateStores

/// Thresholds in the batch function: an alert opens once, stays in the outbox until published, and is resolved when it
/// no longer applies.
@Suite struct AlertScriptTests {
    private static let key = AlertScriptHarness.key
    private static let start = AlertScriptHarness.start
    private static let day: Int64 = 86_400_000

    private func harness(_ limits: Limit...) async throws -> AlertScriptHarness {
        try await AlertScriptHarness(ledger: LedgerHarness(policy: policy(limits)))
    }

    private func policy(_ limits: [Limit]) throws -> Policy {
        var policy = Policy()
        policy.defaults[try ScopeKind(parsing: "user")] = limits
        return policy
    }

    @Test("reaching a threshold puts the whole alert in the outbox")
    func reached() async throws {
        let harness = try await harness(Limit(.tokens, .day, max: 100))
        try await harness.record(79)
        #expect(try await harness.changes().isEmpty)
        try await harness.record(1)
        let alert = try #require(try await harness.publishedChanges().opened.first)
        #expect(alert.scope.description == "user:a")
        #expect(alert.limitName == "tokens/day")
        #expect(alert.threshold == 80)
        #expect(alert.max == 100)
        #expect(alert.used == 80)
        #expect(alert.periodID == "2099-12-25")
        #expect(alert.endsAt == Self.start + Self.day)
        #expect(alert.openedAt == Self.start)
        #expect(alert.source == "defaults")
        #expect(alert.kind == .approachingLimit)
        #expect(alert.severity == .warning)
        try await harness.record(1)
        #expect(try await harness.changes().isEmpty)
        try await harness.stop()
    }

    @Test("every operation on a scope returns its unpublished changes")
    func toldAgain() async throws {
        let harness = try await harness(Limit(.tokens, .day, max: 100))
        try await harness.record(85)
        let first = try await harness.changes().opened
        _ = try await harness.ledger.apply(.check("user:a"), at: Self.start + 1_000)
        #expect(try await harness.changes().opened == first)
        _ = try await harness.ledger.apply(.check("user:a"), at: Self.start + 2_000)
        #expect(try await harness.publishedChanges().opened == first)
        _ = try await harness.ledger.apply(.check("user:a"), at: Self.start + 3_000)
        #expect(try await harness.changes().isEmpty)
        try await harness.stop()
    }

    @Test("a jump over several thresholds opens the highest only")
    func jump() async throws {
        let harness = try await harness(Limit(.tokens, .day, max: 100))
        try await harness.record(70)
        try await harness.record(31)
        let alerts = try await harness.publishedChanges().opened
        #expect(alerts.map(\.threshold) == [100])
        #expect(alerts.first?.kind == .quotaExceeded)
        #expect(alerts.first?.severity == .critical)
        try await harness.record(5)
        #expect(try await harness.changes().isEmpty)
        try await harness.stop()
    }

    @Test("raising a limit resolves alerts below its thresholds, and opens new ones at them")
    func raised() async throws {
        let harness = try await harness(Limit(.tokens, .day, max: 100))
        try await harness.record(101)
        let first = try #require(try await harness.publishedChanges().opened.first)
        try await harness.ledger.install(policy([Limit(.tokens, .day, max: 200)]))
        _ = try await harness.ledger.apply(.check("user:a"), at: Self.start + 5)
        #expect(
            try await harness.publishedChanges() == [.resolved(id: first.id, at: Self.start + 5, reason: .limitRaised)])
        try await harness.record(58, at: Self.start + 6)
        #expect(try await harness.changes().isEmpty)
        try await harness.record(1, at: Self.start + 7)
        let second = try await harness.publishedChanges().opened
        #expect(second.map(\.threshold) == [80])
        #expect(second.first?.max == 200)
        // Back to the first limit, whose alert had been opened.
        try await harness.ledger.install(policy([Limit(.tokens, .day, max: 100)]))
        _ = try await harness.ledger.apply(.check("user:a"), at: Self.start + 8)
        #expect(try await harness.publishedChanges().opened.isEmpty)
        try await harness.stop()
    }

    @Test(
        "a limit that becomes unlimited, loses its thresholds, or is removed resolves its alerts",
        arguments: [
            [Limit(.tokens, .total, max: nil)], [Limit(.tokens, .total, max: 100, thresholds: [])],
            [Limit(.requests, .sliding(seconds: 60), max: 5)],
            [Limit(.tokens, .total, max: nil), Limit(.tokens, .month, max: 1_000_000)],
        ])
    func lifted(limits: [Limit]) async throws {
        let harness = try await harness(Limit(.tokens, .total, max: 100))
        try await harness.record(100)
        _ = try await harness.publishedChanges()
        try await harness.ledger.install(policy(limits))
        _ = try await harness.ledger.apply(.check("user:a"), at: Self.start)
        #expect(try await harness.publishedChanges().reasons == [.limitRaised])
        try await harness.stop()
    }

    @Test("the end of the month resolves its alerts, and the next month opens new ones")
    func monthRolls() async throws {
        let harness = try await harness(Limit(.tokens, .month, max: 100))
        try await harness.record(90)
        let first = try #require(try await harness.publishedChanges().opened.first)
        let january = Self.start + 7 * Self.day
        _ = try await harness.ledger.apply(.check("user:a"), at: january)
        #expect(try await harness.publishedChanges() == [.resolved(id: first.id, at: january, reason: .periodEnded)])
        try await harness.record(95, at: january + 1)
        let second = try await harness.publishedChanges().opened
        #expect(second.map(\.threshold) == [95])
        #expect(second.first?.periodID == "2100-01")
        try await harness.stop()
    }

    @Test(
        "a refund below a threshold resolves its alert, and a new crossing opens it again, at most once a minute",
        arguments: [Period.day, .total])
    func refunded(period: Period) async throws {
        let harness = try await harness(Limit(.tokens, period, max: 100))
        try await harness.record(85)
        let first = try await harness.publishedChanges().opened
        try await harness.refund(10, at: Self.start + 1_000)
        #expect(try await harness.publishedChanges().reasons == [.refunded])
        try await harness.record(10, at: Self.start + 2_000)
        try await harness.check(at: Self.start + 59_999)
        #expect(try await harness.changes().isEmpty, "less than a minute after it opened")
        try await harness.check(at: Self.start + 60_000)
        let second = try await harness.publishedChanges().opened
        #expect(second.map(\.threshold) == [80])
        #expect(second.map(\.id) != first.map(\.id))
        try await harness.record(5, at: Self.start + 60_000)
        #expect(try await harness.publishedChanges().opened.map(\.threshold) == [90])
        for round in Int64(1)...3 {
            let time = Self.start + round * 600_000
            try await harness.refund(30, at: time)
            #expect(try await harness.publishedChanges().reasons.allSatisfy { $0 == .refunded })
            try await harness.check(at: time + 60_000)
            #expect(try await harness.changes().isEmpty, "the threshold has not been crossed")
            try await harness.record(30, at: time + 60_000)
            #expect(try await harness.publishedChanges().opened.map(\.threshold) == [90])
        }
        try await harness.stop()
    }

    @Test("after a refund, a lower threshold that usage still reaches opens only when it is crossed again")
    func refundedPartly() async throws {
        let harness = try await harness(Limit(.tokens, .month, max: 100))
        try await harness.record(96)
        #expect(try await harness.publishedChanges().opened.map(\.threshold) == [95])
        try await harness.refund(10)
        #expect(try await harness.publishedChanges().reasons == [.refunded])
        try await harness.check(at: Self.start + 120_000)
        #expect(try await harness.changes().isEmpty, "usage has been above 80 % all the time")
        try await harness.refund(36, at: Self.start + 121_000)
        try await harness.record(35, at: Self.start + 122_000)
        #expect(try await harness.publishedChanges().opened.map(\.threshold) == [80])
        try await harness.record(10, at: Self.start + 123_000)
        #expect(try await harness.publishedChanges().opened.map(\.threshold) == [95])
        try await harness.stop()
    }

    @Test(
        "a reset resolves alerts and rearms all thresholds", arguments: [Period.day, .total, .sliding(seconds: 3_600)])
    func reset(period: Period) async throws {
        let harness = try await harness(Limit(.tokens, period, max: 100, thresholds: [80, 100]))
        try await harness.record(85)
        let first = try await harness.publishedChanges().opened
        let name = Limit(.tokens, period, max: nil).name
        try harness.ledger.redis.cli("EVAL", PolicyStore.resetFunction.script, "1", Self.key, name)
        _ = try await harness.ledger.apply(.check("user:a"), at: Self.start + 1)
        #expect(try await harness.publishedChanges().reasons == [.reset])
        try await harness.record(85, at: Self.start + 2)
        let second = try await harness.publishedChanges().opened
        #expect(second.map(\.threshold) == [80])
        #expect(second.map(\.id) != first.map(\.id))
        try await harness.stop()
    }

    @Test("a sliding limit opens alerts only if configured, and at most once per window")
    func sliding() async throws {
        let window = Period.sliding(seconds: 60)
        let harness = try await harness(
            Limit(.tokens, window, max: 100, thresholds: [80]), Limit(.requests, window, max: 1))
        _ = try await harness.ledger.apply(.check("user:a"), at: Self.start)
        try await harness.record(85)
        let first = try await harness.publishedChanges().opened
        #expect(first.map(\.limitName) == ["tokens/1m"])
        #expect(first.first?.endsAt == Self.start + 60_000)
        #expect(first.first?.periodID == nil)
        _ = try await harness.ledger.apply(.refund("user:a", amounts: Amounts(tokens: 10)), at: Self.start + 1_000)
        #expect(try await harness.publishedChanges().reasons == [.refunded])
        try await harness.record(10, at: Self.start + 2_000)
        #expect(try await harness.changes().isEmpty)
        try await harness.record(1, at: Self.start + 60_001)
        #expect(try await harness.publishedChanges().opened.map(\.threshold) == [80])
        // No request came until the window was over, and then all of them at once.
        try await harness.record(85, at: Self.start + 300_000)
        let last = try await harness.publishedChanges()
        #expect(last.reasons == [.periodEnded])
        #expect(last.opened.map(\.threshold) == [80])
        try await harness.stop()
    }

    @Test("a shadow limit opens alerts; limits of a single request and of open reservations do not")
    func otherLimits() async throws {
        let harness = try await harness(
            Limit(.tokens, .total, max: 100, mode: .shadow), Limit(.tokens, .request, max: 10, thresholds: [50]),
            Limit(.concurrent, .reservation, max: 1, thresholds: [50]))
        try await harness.record(100)
        let alerts = try await harness.publishedChanges().opened
        let reserve = try TestOperation.reserve("user:a", id: "r")
        _ = try await harness.ledger.apply(reserve, at: Self.start)
        #expect(try await harness.changes().isEmpty)
        #expect(alerts.map(\.limitName) == ["tokens/total"])
        #expect(alerts.first?.mode == .shadow)
        #expect(alerts.first?.endsAt == nil)
        try await harness.stop()
    }

    @Test("the outbox outlives the counters by days")
    func outlives() async throws {
        let harness = try await harness(Limit(.tokens, .sliding(seconds: 1), max: 10, thresholds: [100]))
        #expect(try await harness.ledger.apply(.record("user:a", amounts: Amounts(tokens: 10)), at: nil) == "OK")
        let left = try #require(Int(try harness.ledger.redis.cli("PTTL", Self.key)))
        #expect(left > 6 * 86_400_000)
        try await harness.stop()
    }

    @Test("limits reached in one batch open one alert each, in any order of operations")
    func oneBatch() async throws {
        let harness = try await harness(
            Limit(.tokens, .day, max: 100), Limit(.tokens, .month, max: 100), Limit(.requests, .day, max: 10))
        let operations = try (0..<100).map { place -> TestOperation in
            place % 2 == 0 ? try .record("user:a", amounts: Amounts(tokens: 2)) : try .check("user:a")
        }
        _ = try await harness.ledger.apply(operations, at: Self.start)
        let alerts = try await harness.publishedChanges().opened
        #expect(alerts.map(\.limitName).sorted() == ["requests/day", "tokens/day", "tokens/month"])
        #expect(alerts.allSatisfy { $0.threshold == 100 })
        try await harness.stop()
    }

    @Test("impossible numbers are not an alert, and do not crash the sidecar")
    func largeNumbers() async throws {
        let harness = try await harness(Limit(.tokens, .day, max: 100))
        try await harness.record(1)
        func opened(_ limit: String, period: String = "-", percent: Int = 50, max: Int = 10, at: Int64 = 1) -> String {
            let amounts = #""max":"\#(max)","used":"6""#
            return #"{"opened":"\#(limit)","period":"\#(period)","percent":\#(percent),\#(amounts),"at":\#(at),"#
                + #""shadow":false,"source":"defaults"}"#
        }
        let items = [
            opened("tokens/2s", at: .max), opened("tokens/day", period: "a/9223372036854775807"),
            #"{"resolved":"tokens/day","percent":50,"opened_at":9223372036854775807,"reason":"reset","at":1}"#,
            opened("tokens/day", percent: 0, max: 0),
        ]
        try harness.ledger.redis.cli("HSET", Self.key, "outbox", "[\(items.joined(separator: ","))]")
        try await harness.record(84)
        #expect(try await harness.changes().opened.map(\.threshold) == [80])
        try await harness.stop()
    }

    @Test("a malformed field of alerts is overwritten")
    func garbage() async throws {
        let harness = try await harness(Limit(.tokens, .day, max: 100))
        try await harness.record(1)
        try harness.ledger.redis.cli("HSET", Self.key, "alerts", "\u{1};nonsense;+x;tokens/day zzz 9:9")
        try await harness.record(84)
        #expect(try await harness.changes().opened.map(\.threshold) == [80])
        try await harness.stop()
    }

    @Test(
        "malformed outbox items are reported, and do not block later ones",
        arguments: [
            "", "nonsense", "\u{1}\u{FF}", "[nan, -Infinity]", "{}", "[]", "5", "[[[[",
            #"["x",5,null,{"opened":5},{"opened":"a"}]"#, #"[{"unreadable":{}}]"#,
            String(repeating: "x", count: 10_000),
            #"[{"opened":"é","period":"-","percent":80,"max":"1","used":"1","at":1,"shadow":false,"source":"x"}]"#,
            #"[{"resolved":"a","percent":80,"opened_at":1,"reason":"\#(String(repeating: "x", count: 70_000))","at":1}]"#,
        ])
    func unreadableOutbox(text: String) async throws {
        let harness = try await harness(Limit(.tokens, .day, max: 100))
        try await harness.record(1)
        try harness.ledger.redis.cli("HSET", Self.key, "outbox", text)
        try await harness.record(84)
        let items = try await harness.items()
        #expect(items.count >= 2 && items.dropLast().allSatisfy { $0.hasPrefix(#"{"unreadable":"#) && $0.count < 300 })
        // In order; equal items are removed together.
        var removed: Set<String> = []
        for item in items where removed.insert(item).inserted { try harness.removePublished(item) }
        #expect(try harness.outbox == nil)
        #expect(try harness.ledger.redis.hash(Self.key)["alerts"]?.hasPrefix("tokens/day ") == true)
        try await harness.stop()
    }

    @Test("an item can be removed from an outbox over its maximum")
    func longOutbox() async throws {
        let harness = try await harness(Limit(.tokens, .day, max: 100))
        let field = "[1," + String(repeating: "0,", count: 9_000) + "0]"
        try harness.ledger.redis.cli("HSET", Self.key, "outbox", field)
        #expect(try harness.removePublished(#"{"unreadable":"1"}"#) == "1")
        #expect(try harness.removePublished(#"{"unreadable":"0"}"#) == "9001")
        #expect(try harness.outbox == nil)
        try await harness.stop()
    }
}
