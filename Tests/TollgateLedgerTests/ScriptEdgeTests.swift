import Foundation
import Testing
import TollgateCore
import TollgateTestSupport

@testable import TollgateLedger

/// Where two rare things meet in the scripts.
@Suite struct ScriptEdgeTests {
    private static let noon: Int64 = ScriptTests.start + 12 * 3_600_000
    private static let dayPage = "tollgate:{user:a}:day:2100-01-01"

    private func policy(_ limits: [Limit], timeZone: String = "UTC") throws -> Policy {
        var policy = Policy()
        policy.defaults[try ScopeKind(parsing: "user")] = limits
        policy.calendar = try CalendarRules(timeZone: timeZone)
        return policy
    }

    @Test("a day that comes to end later, as the time zone was changed, keeps its key until then")
    func laterDay() async throws {
        let limits = [Limit(.requests, .sliding(seconds: 60), max: 100), Limit(.cost, .day, max: 1_000)]
        let harness = try await LedgerHarness(policy: policy(limits))
        _ = try await harness.apply(.record("user:a", amounts: Amounts(requests: 1, cost: 900)), at: Self.noon)
        let expiry = { Int64(try harness.redis.cli("PEXPIRETIME", "tollgate:{user:a}")) }
        #expect(try expiry() == ScriptTests.start + 86_400_000)
        try await harness.install(policy(limits, timeZone: "America/New_York"))
        _ = try await harness.apply(.check("user:a"), at: Self.noon + 10_000)
        #expect(try expiry() == ScriptTests.start + 86_400_000 + 5 * 3_600_000)
        try await harness.stop()
    }

    @Test("a refund from the labels counted together, and a new one of them, in one batch are both kept")
    func refundBesideNewLabel() async throws {
        let harness = try await LedgerHarness(policy: Policy.empty)
        for part in 0..<5 {
            let batch = try (0..<100).map {
                try TestOperation.record("user:a", "tool:t\(part * 100 + $0)", amounts: Amounts(cost: 10))
            }
            _ = try await harness.apply(batch, at: ScriptTests.start)
        }
        let before = try harness.redis.hash(Self.dayPage)
        let folded = try #require((0..<500).first { before["cost/tool=t\($0)"] == nil })
        let together = try #require(Int(before["cost/tool/other"] ?? ""))
        _ = try await harness.apply(
            [
                .refund("user:a", "tool:t\(folded)", amounts: Amounts(cost: 4)),
                .record("user:a", "tool:new", amounts: Amounts(cost: 50)),
            ],
            at: ScriptTests.start)
        let after = try harness.redis.hash(Self.dayPage)
        #expect(after["cost/tool/other"] == "\(together - 4 + 50)")
        #expect(after["cost"] == "5046")
        try await harness.stop()
    }

    @Test("a page of history that begins with more than 2^53 expires like any other")
    func largePageExpires() async throws {
        let harness = try await LedgerHarness(policy: Policy.empty)
        let record = try TestOperation.record("user:a", amounts: Amounts(cost: 9_000_000_000_000_000))
        _ = try await harness.apply([record, record], at: ScriptTests.start)
        #expect(try harness.redis.hash(Self.dayPage)["cost"] == "18000000000000000")
        #expect(try harness.redis.cli("PEXPIRETIME", Self.dayPage) == "\(ScriptTests.start + 36 * 86_400_000)")
        try await harness.stop()
    }

    @Test("a counter that is no number, or below zero, counts as zero", arguments: ["nan", "-5", "-1e30", "x"])
    func nonsense(_ text: String) async throws {
        let harness = try await LedgerHarness(policy: policy([Limit(.requests, .sliding(seconds: 60), max: 2)]))
        try harness.redis.cli(
            "HSET", "tollgate:{user:a}", "requests/1m.n", text, "requests/1m.b", "\(ScriptTests.start / 2_000)")
        let check = try TestOperation.check("user:a")
        let answers = try await harness.apply([check, check, check], at: ScriptTests.start)
        #expect(answers.prefix(2) == ["ALLOW user:a/requests/1m used=1", "ALLOW user:a/requests/1m used=2"])
        #expect(answers.last?.hasPrefix("DENY") == true)
        #expect(try harness.redis.hash("tollgate:{user:a}")["requests/1m.n"] == "2")
        try await harness.stop()
    }

    @Test("a sum that passes 2^53 within a batch and comes back is exact")
    func pastAndBack() async throws {
        let harness = try await LedgerHarness(policy: policy([Limit(.cost, .day, max: 9_000_000_000_000_000)]))
        let large: Int64 = 9_007_199_254_740_991
        _ = try await harness.apply(.record("user:a", amounts: Amounts(cost: 9_000_000_000_000_000)), at: Self.noon)
        _ = try await harness.apply(
            [
                .record("user:a", amounts: Amounts(cost: 8_000_000_000_000_003)),
                .refund("user:a", amounts: Amounts(cost: 8_000_000_000_000_000)),
            ],
            at: Self.noon)
        #expect(9_000_000_000_000_003 < large)
        #expect(try harness.redis.hash("tollgate:{user:a}")["cost/day"] == "9000000000000003")
        try await harness.stop()
    }

    @Test("a full limit is free a window after the clock has gone back by hours, though nothing but DENY was answered")
    func clockSetBack() async throws {
        let harness = try await LedgerHarness(policy: policy([Limit(.requests, .sliding(seconds: 60), max: 2)]))
        let check = try TestOperation.check("user:a")
        _ = try await harness.apply([check, check], at: Self.noon)
        let later = Self.noon - 36_000_000
        for seconds: Int64 in [0, 30, 59] {
            #expect(try await harness.apply(check, at: later + seconds * 1_000).hasPrefix("DENY"))
        }
        #expect(try await harness.apply(check, at: later + 63_000) == "ALLOW user:a/requests/1m used=1")
        try await harness.stop()
    }

    @Test(
        "with another calendar a counter goes on while its period has the same name or a later one, and then begins anew"
    )
    func calendarChanges() async throws {
        let months = [Limit(.cost, .month, max: 500)]
        let harness = try await LedgerHarness(policy: policy(months))
        var fifteenth = try policy(months)
        fifteenth.calendar = try CalendarRules(timeZone: "America/New_York", billingDay: 15)
        func at(_ time: String) throws -> Int64 {
            Int64(try Date(time, strategy: .iso8601).timeIntervalSince1970) * 1_000
        }
        func record(at time: String) async throws -> String {
            try await harness.apply(.record("user:a", amounts: Amounts(cost: 10)), at: try at(time))
        }
        func used(at time: String) async throws -> String {
            try await harness.apply(.check("user:a"), at: try at(time))
        }
        _ = try await record(at: "2030-11-10T12:00:00Z")
        // October's month there, which ends on the 15th: November's own goes on.
        try await harness.install(fifteenth)
        #expect(try await used(at: "2030-11-10T12:00:00Z") == "ALLOW user:a/cost/month used=10")
        _ = try await record(at: "2030-11-14T12:00:00Z")
        #expect(try await used(at: "2030-11-15T12:00:00Z") == "ALLOW user:a/cost/month used=20")
        #expect(try await used(at: "2030-12-14T12:00:00Z") == "ALLOW user:a/cost/month used=20")
        // December is a later month than November, which has not ended in New York.
        try await harness.install(policy(months))
        #expect(try await used(at: "2030-12-14T12:00:00Z") == "ALLOW user:a/cost/month used=0")
        // In turn, as where some requests name a role and some do not: it begins anew once, and not each time.
        for _ in 0..<3 {
            try await harness.install(fifteenth)
            _ = try await record(at: "2030-12-14T13:00:00Z")
            try await harness.install(policy(months))
            _ = try await record(at: "2030-12-14T13:00:00Z")
        }
        #expect(try await used(at: "2030-12-14T13:00:00Z") == "ALLOW user:a/cost/month used=50")
        try await harness.stop()
    }

    @Test("what one RESERVE that is no decision has met is not told to the next asker")
    func overfullTellsNothing() async throws {
        let shadow = Limit(.cost, .day, max: 5, mode: .shadow)
        let harness = try await LedgerHarness(policy: policy([shadow]))
        let large = Amounts(cost: 9_000_000_000_000_000)
        let peek = TestOperation(verb: .peek, amounts: Amounts(requests: 1), scopes: [try Scope(parsing: "user:b")])
        let answers = try await harness.apply(
            [
                try .reserve("user:a", amounts: large, id: "1"), try .reserve("user:a", amounts: large, id: "2"), peek,
            ], at: Self.noon)
        #expect(answers == ["ALLOW shadow=user:a/cost/day", "OVERFULL user:a", "ALLOW"])
        try await harness.stop()
    }

    @Test("a set of holds that is gone holds nothing, from the first COMMIT on")
    func holdsGone() async throws {
        let harness = try await LedgerHarness(policy: policy([Limit(.cost, .day, max: 100)]))
        let first = try TestOperation.reserve("user:a", amounts: Amounts(cost: 40), id: "1")
        let second = try TestOperation.reserve("user:a", amounts: Amounts(cost: 50), id: "2")
        _ = try await harness.apply([first, second], at: Self.noon)
        try harness.redis.cli("DEL", "tollgate:{user:a}:holds")
        #expect(
            try await harness.apply(first.commit(madeAt: Self.noon, amounts: Amounts(cost: 30)), at: Self.noon) == "OK")
        let stored = try harness.redis.hash("tollgate:{user:a}")
        #expect(stored["held"] == nil)
        #expect(stored["cost/day"] == "30")
        #expect(try await harness.apply(second.cancel(madeAt: Self.noon), at: Self.noon) == "OK")
        try await harness.stop()
    }
}
