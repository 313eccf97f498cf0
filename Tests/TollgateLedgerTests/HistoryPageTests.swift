import Foundation
import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger

/// Tests of moving days into their months, and of day records and the scope's hash, in rare combinations.
@Suite struct HistoryPageTests {
    private static let start = ScriptTests.start
    private static let day: Int64 = 86_400_000
    private static let hash = "tollgate:user:a"
    private static let firstDay = "tollgate:user:a:day:2100-01-01"
    private static let secondDay = "tollgate:user:a:day:2100-01-02"
    private static let month = "tollgate:user:a:month:2100-01"

    private func record(_ harness: LedgerHarness, _ cost: Int64, at time: Int64, _ tool: String = "tool:t") async throws
    {
        _ = try await harness.apply(.record("user:a", tool, amounts: Amounts(requests: 0, cost: cost)), at: time)
    }

    private func expiry(_ harness: LedgerHarness, _ key: String) throws -> Int64? {
        Int64(try harness.redis.cli("PEXPIRETIME", key))
    }

    private func expectRunningDay(
        _ harness: LedgerHarness, _ text: String, cost: String, _ location: SourceLocation = #_sourceLocation
    ) throws {
        let running = try harness.redis.hash(Self.hash).filter { $0.key.hasPrefix("history") }
        #expect(
            running == [
                "history": text, "history/cost": cost, "history/requests/tool=t": "0", "history/cost/tool=t": cost,
            ], sourceLocation: location)
    }

    @Test("a day is added to its month when a later one begins; the last day stays in the scope's hash")
    func moving() async throws {
        let harness = try await LedgerHarness(policy: Policy.empty)
        let february = Self.start + 31 * Self.day
        try await record(harness, 5, at: Self.start)
        try expectRunningDay(harness, "2100-01-01 \(Self.start + Self.day) 2100-01 \(february) 0 1 0", cost: "5")
        #expect(try harness.redis.hash(Self.month).isEmpty)
        #expect(try harness.redis.hash(Self.firstDay).isEmpty)
        try await record(harness, 7, at: Self.start + Self.day)
        try expectRunningDay(harness, "2100-01-02 \(Self.start + 2 * Self.day) 2100-01 \(february) 0 1 0", cost: "7")
        let page = ["cost": "5", "cost/tool=t": "5", "requests/tool=t": "0", "values/tool": "1"]
        #expect(try harness.redis.hash(Self.month) == page)
        let firstDay = page.merging(["month": "2100-01 \(february)"]) { $1 }
        #expect(try harness.redis.hash(Self.firstDay) == firstDay)
        #expect(try harness.redis.hash(Self.secondDay).isEmpty)
        try await record(harness, 11, at: Self.start + 40 * Self.day)
        #expect(try harness.redis.hash(Self.firstDay) == firstDay)
        #expect(try harness.redis.hash(Self.secondDay)["cost"] == "7")
        #expect(try harness.redis.hash(Self.month)["cost"] == "12")
        #expect(try harness.redis.hash("tollgate:user:a:month:2100-02").isEmpty)
        let stored = try StoredHistory(harness.redis)
        #expect(stored.month("2100-01", of: "user:a") == ["cost": 12, "cost/tool=t": 12])
        #expect(stored.month("2100-02", of: "user:a") == ["cost": 11, "cost/tool=t": 11])
        try await harness.stop()
    }

    @Test("the current day lives as long as its month, a moved day as long as the policy says")
    func expiries() async throws {
        var policy = Policy()
        policy.historyDays = 3
        policy.historyMonths = 2
        let harness = try await LedgerHarness(policy: policy)
        let monthExpires = Self.start + (31 + 2 * 31) * Self.day
        try await record(harness, 5, at: Self.start)
        #expect(try expiry(harness, Self.hash) == monthExpires)
        try await record(harness, 5, at: Self.start + 10 * Self.day)
        #expect(try expiry(harness, Self.firstDay) == Self.start + 4 * Self.day)
        #expect(try expiry(harness, Self.month) == monthExpires)
        #expect(try expiry(harness, Self.hash) == monthExpires)
        try await record(harness, 5, at: Self.start + 31 * Self.day)
        #expect(try expiry(harness, "tollgate:user:a:day:2100-01-11") == Self.start + 14 * Self.day)
        #expect(try expiry(harness, Self.hash) == monthExpires + 28 * Self.day)
        #expect(try expiry(harness, "tollgate:top-scopes:user:cost:2100-01-01") == Self.start + 5 * Self.day)
        try await harness.stop()
    }

    @Test(
        "a day with more than 2^53 is added to its month exactly, and expires like any other"
    )
    func largeDay() async throws {
        let harness = try await LedgerHarness(policy: Policy.empty)
        let record = try TestOperation.record("user:a", "tool:t", amounts: Amounts(cost: 9_000_000_000_000_001))
        for day in 0..<3 {
            _ = try await harness.apply([record, record, record], at: Self.start + Int64(day) * Self.day)
        }
        #expect(try harness.redis.hash(Self.firstDay)["cost"] == "27000000000000003")
        #expect(try harness.redis.hash(Self.hash)["history/cost"] == "27000000000000003")
        #expect(try expiry(harness, Self.firstDay) == Self.start + 36 * Self.day)
        let month = try harness.redis.hash(Self.month)
        #expect(month["cost"] == "54000000000000006" && month["cost/tool=t"] == "54000000000000006")
        let refund = try TestOperation.refund("user:a", "tool:t", amounts: Amounts(cost: 9_000_000_000_000_000))
        _ = try await harness.apply([refund, refund, refund, refund], at: Self.start + 2 * Self.day)
        let third = try harness.redis.hash(Self.hash)
        // The last one takes the rest.
        #expect(third["history/cost"] == "0" && third["history/cost/tool=t"] == "0")
        try await harness.stop()
    }

    @Test("a write for a day that was moved already, as when the clock goes back, is added to day and month")
    func afterFolding() async throws {
        let harness = try await LedgerHarness(policy: Policy.empty)
        try await record(harness, 5, at: Self.start + 2 * Self.day)
        try await record(harness, 7, at: Self.start + 3 * Self.day)
        // Two late days: one that exists, and one that does not and so becomes the current one.
        try await record(harness, 11, at: Self.start + 2 * Self.day, "tool:new")
        try await record(harness, 13, at: Self.start)
        _ = try await harness.apply(
            .refund("user:a", "tool:t", amounts: Amounts(cost: 100)), at: Self.start + 2 * Self.day)
        try await record(harness, 17, at: Self.start + 3 * Self.day)
        let stored = try StoredHistory(harness.redis)
        #expect(stored.day("2100-01-03", of: "user:a") == ["cost": 11, "cost/tool=new": 11])
        #expect(stored.day("2100-01-04", of: "user:a") == ["cost": 24, "cost/tool=t": 24])
        #expect(stored.day("2100-01-01", of: "user:a") == ["cost": 13, "cost/tool=t": 13])
        #expect(
            stored.month("2100-01", of: "user:a") == ["cost": 48, "cost/tool=t": 37, "cost/tool=new": 11])
        try await harness.stop()
    }

    @Test("alternating calendars, as when only some requests name a role, count everything once")
    func alternatingCalendars() async throws {
        let calendars = [
            CalendarRules.utc, try CalendarRules(timeZone: "Pacific/Auckland"),
            try CalendarRules(timeZone: "America/New_York", billingDay: 15),
        ]
        let harness = try await LedgerHarness(policy: Policy.empty)
        var model = ReferenceHistory()
        for step in 0..<120 {
            let calendar = calendars[step % 3]
            var policy = Policy()
            policy.calendar = calendar
            try await harness.install(policy)
            let now = Self.start + 12 * Self.day + Int64(step) * 5 * 3_600_000
            let user = try Scope(parsing: "user:a")
            try await record(harness, Int64(step + 1), at: now)
            for scope in [user, try Scope(parsing: "tool:t")] {
                model.add(
                    Int64(step + 1), "cost", to: scope, of: [user, try Scope(parsing: "tool:t")],
                    day: calendar.window(.day, containing: now).id, month: calendar.window(.month, containing: now).id)
            }
        }
        try StoredHistory(harness.redis).expect(model)
        try await harness.stop()
    }

    @Test("a day record that is not a hash does not prevent other counting", arguments: [firstDay, secondDay, month])
    func notAHash(key: String) async throws {
        let harness = try await LedgerHarness(policy: Policy.empty)
        try await record(harness, 5, at: Self.start)
        try harness.redis.cli("SET", key, "something else")
        let refund = try TestOperation.refund("user:a", "tool:t", amounts: Amounts(cost: 1))
        let record = try TestOperation.record("user:a", "tool:t", amounts: Amounts(requests: 0, cost: 7))
        #expect(try await harness.apply([refund, record], at: Self.start) == ["OK", "OK"])
        #expect(try await harness.apply([refund, record, refund], at: Self.start + Self.day) == ["OK", "OK", "OK"])
        #expect(try harness.redis.cli("GET", key) == "something else")
        let tool = try StoredHistory(harness.redis).month("2100-01", of: "tool:t")
        #expect(tool == ["cost": 17])
        #expect(try harness.redis.hash(Self.hash)["history/cost"] == "6")
        try await harness.stop()
    }

    @Test("a CANCEL takes its request from the day of the RESERVE, not from a later one")
    func cancelled() async throws {
        let harness = try await LedgerHarness(policy: Policy.empty)
        let first = try TestOperation.reserve("user:a", "tool:t", id: "1", seconds: 86_400)
        let second = try TestOperation.reserve("user:a", "tool:t", id: "2", seconds: 86_400)
        let noon = Self.start + Self.day / 2
        _ = try await harness.apply([first, second, first.cancel(madeAt: noon)], at: noon)
        let later = noon + Self.day / 2
        _ = try await harness.apply([.check("user:a", "tool:t"), second.cancel(madeAt: noon)], at: later)
        let stored = try StoredHistory(harness.redis)
        for day in ["2100-01-01", "2100-01-02"] {
            #expect(stored.day(day, of: "user:a") == ["requests": 1, "requests/tool=t": 1])
        }
        #expect(stored.month("2100-01", of: "user:a") == ["requests": 2, "requests/tool=t": 2])
        try await harness.stop()
    }

    @Test("a scope that is only a label of others costs no read")
    func labelAlone() async throws {
        let harness = try await LedgerHarness(policy: Policy.empty)
        let check = try TestOperation.check("tool:t", "model:m")
        _ = try await harness.apply([check, check], at: Self.start)
        try harness.redis.cli("CONFIG", "RESETSTAT")
        _ = try await harness.apply([check, check, .record("tool:t", "model:m", amounts: Amounts())], at: Self.start)
        let calls = try harness.redis.cli("INFO", "commandstats").split(whereSeparator: \.isNewline)
            .filter { $0.hasPrefix("cmdstat_h") }.map { $0.prefix { $0 != "," } }.sorted()
        #expect(calls == ["cmdstat_hmget:calls=1", "cmdstat_hset:calls=1"], "of the tool's hash")
        try await harness.stop()
    }
}
