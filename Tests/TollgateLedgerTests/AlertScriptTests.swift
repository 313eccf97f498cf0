import Foundation
import Testing
import TollgateCore
import TollgateRedis
import TollgateTestSupport

@testable import TollgateLedger

/// What the batch script makes of thresholds: told once, kept until it has been published, taken back when it does not hold.
@Suite struct AlertScriptTests {
    private static let key = "tollgate:{user:a}"
    private static let start: Int64 = 4_101_840_000_000  // 2099-12-25T00:00:00Z
    private static let day: Int64 = 86_400_000

    private func harness(_ limits: Limit..., redis: TestRedis? = nil) async throws -> LedgerHarness {
        try await LedgerHarness(policy: policy(limits), redis: redis)
    }

    private func policy(_ limits: [Limit]) throws -> Policy {
        var policy = Policy()
        policy.defaults[try ScopeKind(parsing: "user")] = limits
        return policy
    }

    private func record(_ harness: LedgerHarness, _ tokens: Int64, at time: Int64 = start) async throws {
        #expect(try await harness.apply(.record("user:a", amounts: Amounts(tokens: tokens)), at: time) == "OK")
    }

    /// The changes told since the last time, as `opened 80` and `resolved ID reason`.
    private func changes(_ harness: LedgerHarness) async throws -> [AlertChange] {
        try await harness.takeNotices().flatMap { notice -> [AlertChange] in
            guard case .pending(let pending) = notice else { return [] }
            return pending.lines.compactMap(pending.change)
        }
    }

    /// The same, and what they say is taken out of the hash as when it has been published.
    private func settled(_ harness: LedgerHarness) async throws -> [AlertChange] {
        let changes = try await changes(harness)
        let text = try harness.redis.hash(Self.key)["alerts"] ?? ""
        for line in text.split(separator: ";") where line.hasPrefix("+") || line.hasPrefix("-") {
            try harness.redis.cli("EVAL", settleScript, "1", Self.key, String(line))
        }
        return changes
    }

    private var settleScript: String { AlertStore.settleScript.source }

    private func opened(_ changes: [AlertChange]) -> [Alert] {
        changes.compactMap { if case .opened(let alert) = $0 { alert } else { nil } }
    }

    private func reasons(_ changes: [AlertChange]) -> [Alert.Reason] {
        changes.compactMap { if case .resolved(_, _, let reason) = $0 { reason } else { nil } }
    }

    @Test("a threshold that is reached is told with all that an alert says")
    func reached() async throws {
        let harness = try await harness(Limit(.tokens, .day, max: 100))
        try await record(harness, 79)
        #expect(try await changes(harness).isEmpty)
        try await record(harness, 1)
        let alert = try #require(opened(try await settled(harness)).first)
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
        try await record(harness, 1)
        #expect(try await changes(harness).isEmpty)
        try await harness.stop()
    }

    @Test("what has not been published is told by every operation on the scope until it has been")
    func toldAgain() async throws {
        let harness = try await harness(Limit(.tokens, .day, max: 100))
        try await record(harness, 85)
        let first = opened(try await changes(harness))
        _ = try await harness.apply(.check("user:a"), at: Self.start + 1_000)
        #expect(try await opened(changes(harness)) == first)
        _ = try await harness.apply(.check("user:a"), at: Self.start + 2_000)
        #expect(try await opened(settled(harness)) == first)
        _ = try await harness.apply(.check("user:a"), at: Self.start + 3_000)
        #expect(try await changes(harness).isEmpty)
        try await harness.stop()
    }

    @Test("of a jump over several thresholds the highest is told, and the lower ones not afterwards either")
    func jump() async throws {
        let harness = try await harness(Limit(.tokens, .day, max: 100))
        try await record(harness, 70)
        try await record(harness, 31)
        let alerts = opened(try await settled(harness))
        #expect(alerts.map(\.threshold) == [100])
        #expect(alerts.first?.kind == .quotaExceeded)
        #expect(alerts.first?.severity == .critical)
        try await record(harness, 5)
        #expect(try await changes(harness).isEmpty)
        try await harness.stop()
    }

    @Test("a raised limit resolves what it does not reach any more, and is told of from its own thresholds on")
    func raised() async throws {
        let harness = try await harness(Limit(.tokens, .day, max: 100))
        try await record(harness, 101)
        let first = try #require(opened(try await settled(harness)).first)
        try await harness.install(policy([Limit(.tokens, .day, max: 200)]))
        _ = try await harness.apply(.check("user:a"), at: Self.start + 5)
        #expect(
            try await settled(harness) == [.resolved(id: first.id, at: Self.start + 5, reason: .limitRaised)])
        try await record(harness, 58, at: Self.start + 6)
        #expect(try await changes(harness).isEmpty)
        try await record(harness, 1, at: Self.start + 7)
        let second = opened(try await settled(harness))
        #expect(second.map(\.threshold) == [80])
        #expect(second.first?.max == 200)
        // Back to what it was: that had been told.
        try await harness.install(policy([Limit(.tokens, .day, max: 100)]))
        _ = try await harness.apply(.check("user:a"), at: Self.start + 8)
        #expect(try await opened(settled(harness)).isEmpty)
        try await harness.stop()
    }

    @Test(
        "a limit that is unlimited now, has no thresholds, or is gone, resolves what was open",
        arguments: [
            [Limit(.tokens, .total, max: nil)], [Limit(.tokens, .total, max: 100, thresholds: [])],
            [Limit(.requests, .sliding(seconds: 60), max: 5)],
            [Limit(.tokens, .total, max: nil), Limit(.tokens, .month, max: 1_000_000)],
        ])
    func lifted(limits: [Limit]) async throws {
        let harness = try await harness(Limit(.tokens, .total, max: 100))
        try await record(harness, 100)
        _ = try await settled(harness)
        try await harness.install(policy(limits))
        _ = try await harness.apply(.check("user:a"), at: Self.start)
        #expect(try await reasons(settled(harness)) == [.limitRaised])
        try await harness.stop()
    }

    @Test("when the month rolls its alerts are resolved, and it is told of again in the next")
    func monthRolls() async throws {
        let harness = try await harness(Limit(.tokens, .month, max: 100))
        try await record(harness, 90)
        let first = try #require(opened(try await settled(harness)).first)
        let january = Self.start + 7 * Self.day
        _ = try await harness.apply(.check("user:a"), at: january)
        #expect(try await settled(harness) == [.resolved(id: first.id, at: january, reason: .periodEnded)])
        try await record(harness, 95, at: january + 1)
        let second = opened(try await settled(harness))
        #expect(second.map(\.threshold) == [95])
        #expect(second.first?.periodID == "2100-01")
        try await harness.stop()
    }

    @Test("a refund below the threshold resolves, and the threshold is not told again in that period")
    func refunded() async throws {
        let harness = try await harness(Limit(.tokens, .day, max: 100))
        try await record(harness, 85)
        _ = try await settled(harness)
        _ = try await harness.apply(.refund("user:a", amounts: Amounts(tokens: 10)), at: Self.start)
        #expect(try await reasons(settled(harness)) == [.refunded])
        try await record(harness, 10)
        #expect(try await changes(harness).isEmpty)
        try await record(harness, 5)
        #expect(try await opened(settled(harness)).map(\.threshold) == [90])
        try await harness.stop()
    }

    @Test("a reset resolves, and arms all thresholds again", arguments: [Period.day, .total, .sliding(seconds: 3_600)])
    func reset(period: Period) async throws {
        let harness = try await harness(Limit(.tokens, period, max: 100, thresholds: [80, 100]))
        try await record(harness, 85)
        let first = opened(try await settled(harness))
        let name = Limit(.tokens, period, max: nil).name
        try harness.redis.cli(
            "EVAL", PolicyStore.resetScript.source, "3", Self.key, "revision", "audit", "user:a", "changes", "me",
            "here",
            name)
        _ = try await harness.apply(.check("user:a"), at: Self.start + 1)
        #expect(try await reasons(settled(harness)) == [.reset])
        try await record(harness, 85, at: Self.start + 2)
        let second = opened(try await settled(harness))
        #expect(second.map(\.threshold) == [80])
        #expect(second.map(\.id) != first.map(\.id))
        try await harness.stop()
    }

    @Test("a sliding limit is told of only where it asks for it, and at most once a window")
    func sliding() async throws {
        let window = Period.sliding(seconds: 60)
        let harness = try await harness(
            Limit(.tokens, window, max: 100, thresholds: [80]), Limit(.requests, window, max: 1))
        _ = try await harness.apply(.check("user:a"), at: Self.start)
        try await record(harness, 85)
        let first = opened(try await settled(harness))
        #expect(first.map(\.limitName) == ["tokens/1m"])
        #expect(first.first?.endsAt == Self.start + 60_000)
        #expect(first.first?.periodID == nil)
        _ = try await harness.apply(.refund("user:a", amounts: Amounts(tokens: 10)), at: Self.start + 1_000)
        #expect(try await reasons(settled(harness)) == [.refunded])
        try await record(harness, 10, at: Self.start + 2_000)
        #expect(try await changes(harness).isEmpty)
        try await record(harness, 1, at: Self.start + 60_001)
        #expect(try await opened(settled(harness)).map(\.threshold) == [80])
        // Nobody asked until the window was over, and then all of it came at once.
        try await record(harness, 85, at: Self.start + 300_000)
        let last = try await settled(harness)
        #expect(reasons(last) == [.periodEnded])
        #expect(opened(last).map(\.threshold) == [80])
        try await harness.stop()
    }

    @Test("a limit in shadow is told of, one of a single request and one of open reservations never")
    func otherLimits() async throws {
        let harness = try await harness(
            Limit(.tokens, .total, max: 100, mode: .shadow), Limit(.tokens, .request, max: 10, thresholds: [50]),
            Limit(.concurrent, .reservation, max: 1, thresholds: [50]))
        try await record(harness, 100)
        let alerts = opened(try await settled(harness))
        let reserve = try TestOperation.reserve("user:a", id: "r")
        _ = try await harness.apply(reserve, at: Self.start)
        #expect(try await changes(harness).isEmpty)
        #expect(alerts.map(\.limitName) == ["tokens/total"])
        #expect(alerts.first?.mode == .shadow)
        #expect(alerts.first?.endsAt == nil)
        try await harness.stop()
    }

    @Test("what has not been published outlives the counters by days")
    func outlives() async throws {
        let redis = try TestRedis()
        let harness = try await harness(Limit(.tokens, .sliding(seconds: 1), max: 10, thresholds: [100]), redis: redis)
        #expect(try await harness.apply(.record("user:a", amounts: Amounts(tokens: 10)), at: nil) == "OK")
        let left = try #require(Int(try redis.cli("PTTL", Self.key)))
        #expect(left > 6 * 86_400_000)
        try await harness.stop()
    }

    @Test("many limits that are reached in one batch are each told once, in any order of operations")
    func oneBatch() async throws {
        let harness = try await harness(
            Limit(.tokens, .day, max: 100), Limit(.tokens, .month, max: 100), Limit(.requests, .day, max: 10))
        let operations = try (0..<100).map { place -> TestOperation in
            place % 2 == 0 ? try .record("user:a", amounts: Amounts(tokens: 2)) : try .check("user:a")
        }
        _ = try await harness.apply(operations, at: Self.start)
        let alerts = opened(try await settled(harness))
        #expect(alerts.map(\.limitName).sorted() == ["requests/day", "tokens/day", "tokens/month"])
        #expect(alerts.allSatisfy { $0.threshold == 100 })
        try await harness.stop()
    }

    @Test("numbers that cannot be are no alert, and no end of the sidecar")
    func largeNumbers() async throws {
        let harness = try await harness(Limit(.tokens, .day, max: 100))
        try await record(harness, 1)
        let lines = [
            "+tokens/2s - 50 10 6 9223372036854775807 0 defaults",
            "+tokens/day a/9223372036854775807 50 10 6 1 0 defaults",
            "-tokens/day 50 9223372036854775807 reset 9223372036854775807", "+tokens/day - 0 0 0 0 0 defaults",
        ]
        try harness.redis.cli("HSET", Self.key, "alerts", lines.joined(separator: ";"))
        try await record(harness, 84)
        #expect(try await opened(changes(harness)).map(\.threshold) == [80])
        try await harness.stop()
    }

    @Test("what is no text of alerts is overwritten, not obeyed")
    func garbage() async throws {
        let harness = try await harness(Limit(.tokens, .day, max: 100))
        try await record(harness, 1)
        try harness.redis.cli("HSET", Self.key, "alerts", "\u{1};nonsense;+x;tokens/day zzz 9:9")
        try await record(harness, 84)
        #expect(try await opened(changes(harness)).map(\.threshold) == [80])
        try await harness.stop()
    }
}
