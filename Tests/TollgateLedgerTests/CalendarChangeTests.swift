import Foundation
import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger

/// Tests of calendar counters whose scope changes to another calendar, for example with its tier.
@Suite struct CalendarChangeTests {
    private static let key = "tollgate:user:a"
    private static let cost = Amounts(cost: 10)

    private func policy(
        _ limits: [Limit] = [Limit(.cost, .month, max: 15)], timeZone: String = "UTC", billingDay: Int = 1
    ) throws -> Policy {
        var policy = Policy()
        policy.defaults[try ScopeKind(parsing: "user")] = limits
        policy.calendar = try CalendarRules(timeZone: timeZone, billingDay: billingDay)
        return policy
    }

    private func ms(_ time: String) throws -> Int64 {
        Int64(try Date(time, strategy: .iso8601).timeIntervalSince1970) * 1_000
    }

    /// The usage of the only limit, and the end of its period as CHECK, USAGE and a DENY of 10 more report it.
    private func expect(
        _ harness: LedgerHarness, used: Int64, until end: String, at time: Int64,
        _ location: SourceLocation = #_sourceLocation
    ) async throws {
        let end = try ms(end)
        let check = try await harness.answers(to: [.check("user:a")], at: time)[0]
        #expect(check.line == "ALLOW user:a/cost/month used=\(used)", sourceLocation: location)
        #expect(check.milliseconds == end - time, sourceLocation: location)
        let peek = TestOperation(verb: .peek, amounts: Self.cost, scopes: [try Scope(parsing: "user:a")])
        let answer = try await harness.answers(to: [peek], at: time)[0]
        let isFull = used + 10 > 15
        #expect(answer.line.hasPrefix(isFull ? "DENY" : "ALLOW"), sourceLocation: location)
        #expect(answer.milliseconds == end - time, sourceLocation: location)
        let item = try #require(try await harness.usage(of: "user:a", at: time).items.first)
        #expect(item.used == used, sourceLocation: location)
        #expect(item.resetsAt == end, sourceLocation: location)
    }

    private func record(_ harness: LedgerHarness, at time: Int64) async throws {
        #expect(try await harness.apply(.record("user:a", amounts: Self.cost), at: time) == "OK")
    }

    private func marker(_ harness: LedgerHarness) throws -> String? { try harness.redis.hash(Self.key)["cost/month.p"] }

    @Test("a month from the 25th on runs to its own end under a calendar whose months begin on the 1st")
    func laterName() async throws {
        let harness = try await LedgerHarness(policy: policy(billingDay: 25))
        let november = try ms("2030-11-25T00:00:00Z")
        try await record(harness, at: ms("2030-11-21T12:00:00Z"))
        #expect(try marker(harness) == "2030-10 \(november)")
        try await harness.install(policy())
        for time in [try ms("2030-11-21T12:00:01Z"), november - 1] {
            try await expect(harness, used: 10, until: "2030-11-25T00:00:00Z", at: time)
        }
        #expect(try marker(harness) == "2030-10 \(november)")
        try await expect(harness, used: 0, until: "2030-12-01T00:00:00Z", at: november)
        try await record(harness, at: november)
        #expect(try marker(harness) == "2030-11 \(ms("2030-12-01T00:00:00Z"))")
        try await expect(harness, used: 10, until: "2030-12-01T00:00:00Z", at: november)
        try await harness.stop()
    }

    @Test("a month from the 1st on runs to its own end under a calendar in which another month of its name begins")
    func sameName() async throws {
        let harness = try await LedgerHarness(policy: policy())
        let december = try ms("2030-12-01T00:00:00Z")
        try await record(harness, at: ms("2030-11-21T12:00:00Z"))
        try await harness.install(policy(billingDay: 25))
        for time in try [ms("2030-11-21T12:00:01Z"), ms("2030-11-25T00:00:00Z"), december - 1] {
            try await expect(harness, used: 10, until: "2030-12-01T00:00:00Z", at: time)
        }
        try await expect(harness, used: 0, until: "2030-12-25T00:00:00Z", at: december)
        try await record(harness, at: december)
        #expect(try marker(harness) == "2030-11 \(ms("2030-12-25T00:00:00Z"))")
        try await harness.stop()
    }

    @Test("alternating calendars, as when only some requests name a role, begin a period once")
    func inTurn() async throws {
        let limits = [Limit(.cost, .month, max: 1_000)]
        let harness = try await LedgerHarness(policy: policy(limits))
        var used: Int64 = 0
        var at = try ms("2030-11-20T00:00:00Z")
        // The expected periods: November's, which ends first; from the 1st on, that of the calendar of the first request.
        let ends = try [ms("2030-12-01T00:00:00Z"), ms("2030-12-15T05:00:00Z")]
        for turn in 0..<120 {
            let billed = turn.isMultiple(of: 2) ? 1 : 15
            try await harness.install(
                policy(limits, timeZone: billed == 1 ? "UTC" : "America/New_York", billingDay: billed))
            if turn == 0 || at == ends[0] { used = 0 }
            try await record(harness, at: at)
            used += 10
            let item = try #require(try await harness.usage(of: "user:a", at: at).items.first)
            #expect(item.used == used, "turn \(turn)")
            #expect(item.resetsAt == (at < ends[0] ? ends[0] : ends[1]), "turn \(turn)")
            // 55 turns lie before December, so that New York's calendar is the first to ask in it.
            at = at < ends[0] - 1 ? min(at + 17_600_000, ends[0] - 1) : at < ends[0] ? ends[0] : at + 1_000_000
        }
        try await harness.stop()
    }

    @Test("a marker without a future time is ignored: the count is 0, and the present period begins")
    func unreadable() async throws {
        let time = try ms("2030-11-21T12:00:00Z")
        let markers = [
            "2030-11", "2030-12 x", "2030-12", "2030-11 1e99", "2030-11 \(time)", "2030-11 99999999999999999999",
        ]
        let harness = try await LedgerHarness(policy: policy())
        for text in markers {
            try harness.redis.cli("HSET", Self.key, "cost/month", "7", "cost/month.p", text)
            #expect(try await harness.apply(.check("user:a"), at: time) == "ALLOW user:a/cost/month used=0", "\(text)")
            try await record(harness, at: time)
            #expect(try marker(harness) == "2030-11 \(ms("2030-12-01T00:00:00Z"))", "\(text)")
        }
        try await harness.stop()
    }

    @Test("after a clock goes back past the start of a month, that month goes on and its end is reported")
    func clockGoesBack() async throws {
        let harness = try await LedgerHarness(policy: policy())
        try await record(harness, at: ms("2030-12-01T00:00:10Z"))
        try await expect(harness, used: 10, until: "2031-01-01T00:00:00Z", at: ms("2030-11-30T23:59:50Z"))
        try await harness.stop()
    }

    @Test("a key expires at the end of its current period, then of the next one, by the calendar of the time")
    func keyLives() async throws {
        let limits = [Limit(.requests, .sliding(seconds: 60), max: 100), Limit(.cost, .day, max: 1_000)]
        func policy(timeZone: String = "UTC") throws -> Policy {
            var policy = try self.policy(limits, timeZone: timeZone)
            policy.history = []
            return policy
        }
        let harness = try await LedgerHarness(policy: policy(timeZone: "America/New_York"))
        let expiry = { Int64(try harness.redis.cli("PEXPIRETIME", Self.key)) }
        try await record(harness, at: ms("2100-01-01T12:00:00Z"))
        #expect(try expiry() == ms("2100-01-02T05:00:00Z"))
        // Midnight is earlier there; new windows neither shorten nor extend the key's life.
        try await harness.install(policy())
        _ = try await harness.apply(.check("user:a"), at: ms("2100-01-01T12:00:10Z"))
        _ = try await harness.apply(.check("user:a"), at: ms("2100-01-02T00:00:10Z"))
        #expect(try expiry() == ms("2100-01-02T05:00:00Z"))
        _ = try await harness.apply(.check("user:a"), at: ms("2100-01-02T04:59:50Z"))
        let window = try ms("2100-01-02T04:59:50Z") + 32 * 2_000
        // The other limit's window outlives the day, and so does the set's own day, which has not begun.
        #expect(try #require(try expiry()) >= window)
        try await record(harness, at: ms("2100-01-02T05:00:00Z"))
        #expect(try expiry() == ms("2100-01-03T00:00:00Z"))
        try await harness.stop()
    }

    @Test("a CANCEL gives back to a period of another calendar only if the RESERVE was certainly counted in it")
    func cancel() async throws {
        let limits = [Limit(.requests, .day, max: 100)]
        let harness = try await LedgerHarness(policy: policy(limits))
        let noon = try ms("2100-01-01T12:00:00Z")
        let first = try TestOperation.reserve("user:a", id: "1", seconds: 86_400)
        let second = try TestOperation.reserve("user:a", id: "2", seconds: 86_400)
        // One RESERVE in the evening before, one in the day: only the second one counts in it.
        let before = try ms("2099-12-31T22:00:00Z")
        _ = try await harness.apply(first, at: before)
        _ = try await harness.apply([second, .check("user:a")], at: noon)
        try await harness.install(policy(limits, timeZone: "Asia/Kolkata"))
        _ = try await harness.apply(first.cancel(madeAt: before), at: noon)
        #expect(try await harness.usage(of: "user:a", at: noon).items[0].used == 2)
        _ = try await harness.apply(second.cancel(madeAt: noon), at: noon)
        #expect(try await harness.usage(of: "user:a", at: noon).items[0].used == 1)
        try await harness.stop()
    }
}
