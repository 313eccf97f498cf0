import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger

/// Tests of days that begin for many scopes in one call. A call moves a bounded part of the previous day, and everything
/// still counts once.
@Suite struct HistoryMovingTests {
    private static let start = ScriptTests.start
    private static let day: Int64 = 86_400_000
    private static let users = (0..<8).map { "user:u\($0)" }

    private func harness(historyDays: Int = 35) async throws -> LedgerHarness {
        var policy = Policy()
        policy.history = ["user"]
        policy.historyDays = historyDays
        return try await LedgerHarness(policy: policy)
    }

    /// Gives each user a day record of 302 fields at a time: 450 of cost, and 150 requests.
    private func fillDay(_ harness: LedgerHarness, at time: Int64) async throws {
        for user in Self.users {
            let records = try (0..<150).map {
                try TestOperation.record(user, "tool:t\($0)", amounts: Amounts(requests: 1, cost: 3))
            }
            _ = try await harness.apply(records, at: time)
        }
    }

    /// Sends one RECORD for each user in one call: 1 of cost.
    private func recordForAll(_ harness: LedgerHarness, at time: Int64) async throws {
        let records = try Self.users.map { try TestOperation.record($0, "tool:t0", amounts: Amounts(cost: 1)) }
        _ = try await harness.apply(records, at: time)
    }

    private func field(_ name: String, of page: String, _ user: String, _ harness: LedgerHarness) throws -> String? {
        try harness.redis.hash("tollgate:\(user):\(page)")[name]
    }

    private func expiry(of page: String, _ user: String, _ harness: LedgerHarness) throws -> Int64? {
        Int64(try harness.redis.cli("PEXPIRETIME", "tollgate:\(user):\(page)"))
    }

    @Test("a call in which many scopes begin a day moves a bounded number of fields, and is resent until all are moved")
    func inParts() async throws {
        let harness = try await harness()
        try await fillDay(harness, at: Self.start)
        try harness.redis.cli("CONFIG", "RESETSTAT")
        try await recordForAll(harness, at: Self.start + Self.day)
        // Four calls that move two days each, the bound of a call, and one that applies the records.
        #expect(try commandCounts(harness.redis)[TestRedis.luaCommand] == 5)
        try harness.redis.cli("CONFIG", "RESETSTAT")
        try await recordForAll(harness, at: Self.start + Self.day)
        let counts = try commandCounts(harness.redis)
        #expect(
            counts[TestRedis.luaCommand] == 1 && counts["hmget"] == 8 && counts["hset"] == 8 && counts["hgetall"] == nil
        )
        let stored = try StoredHistory(harness.redis)
        for user in Self.users {
            #expect(stored.day("2100-01-01", of: user).count == 453)
            #expect(
                stored.day("2100-01-02", of: user) == ["cost": 2, "cost/tool=t0": 2, "calls": 2, "calls/tool=t0": 2])
            let month = stored.month("2100-01", of: user)
            #expect(month["cost"] == 452 && month["cost/tool=t0"] == 5 && month["requests"] == 150)
            #expect(month.count == 453)
        }
        try await harness.stop()
    }

    @Test("the current day lives as long as its month; a moved day has its own expiry, however late it is moved")
    func expiries() async throws {
        let harness = try await harness(historyDays: 3)
        let monthExpires = Self.start + (31 + 14 * 31) * Self.day
        let user = Self.users[0]
        try await fillDay(harness, at: Self.start)
        #expect(try Int64(harness.redis.cli("PEXPIRETIME", "tollgate:\(user)")) == monthExpires)
        // No requests for three weeks.
        let record = try TestOperation.record(user, amounts: Amounts(cost: 7))
        _ = try await harness.apply(record, at: Self.start + 22 * Self.day)
        #expect(try field("cost", of: "month:2100-01", user, harness) == "450")
        #expect(try expiry(of: "month:2100-01", user, harness) == monthExpires)
        #expect(try expiry(of: "day:2100-01-01", user, harness) == Self.start + 4 * Self.day)
        _ = try await harness.apply(record, at: Self.start + 23 * Self.day)
        #expect(try expiry(of: "day:2100-01-23", user, harness) == Self.start + 26 * Self.day)
        #expect(try StoredHistory(harness.redis).month("2100-01", of: user)["cost"] == 464)
        try await harness.stop()
    }

    @Test("the last day of a month counts in that month, before and after it is moved")
    func endOfMonth() async throws {
        let harness = try await harness()
        try await fillDay(harness, at: Self.start + 30 * Self.day)
        for user in Self.users {
            #expect(try StoredHistory(harness.redis).month("2100-01", of: user)["cost"] == 450)
        }
        for _ in 0..<3 { try await recordForAll(harness, at: Self.start + 31 * Self.day) }
        let stored = try StoredHistory(harness.redis)
        for user in Self.users {
            #expect(stored.month("2100-01", of: user)["cost"] == 450)
            #expect(stored.month("2100-02", of: user)["cost"] == 3)
        }
        try await harness.stop()
    }

    @Test("a resent write, or one for a day that has been moved, counts once")
    func lateAndAgain() async throws {
        let harness = try await harness()
        try await fillDay(harness, at: Self.start)
        let records = try Self.users.map {
            try TestOperation.record($0, "tool:t0", amounts: Amounts(cost: 1)).once("again")
        }
        _ = try await harness.apply(records, at: Self.start + Self.day)
        let again = try await harness.apply(records, at: Self.start + Self.day)
        #expect(Set(again) == ["OK duplicate"])
        // The clock goes back, and forward.
        try await recordForAll(harness, at: Self.start)
        try await recordForAll(harness, at: Self.start + Self.day)
        let stored = try StoredHistory(harness.redis)
        for user in Self.users {
            #expect(stored.day("2100-01-01", of: user)["cost"] == 451)
            #expect(stored.day("2100-01-02", of: user)["cost"] == 2)
            #expect(stored.month("2100-01", of: user)["cost"] == 453)
        }
        try await harness.stop()
    }

    @Test("a day is moved completely by a call in which the library drops its labels")
    func labelsDropped() async throws {
        let redis = try TestRedis(hasFunctions: true)
        var policy = Policy()
        policy.history = ["user"]
        let harness = try await LedgerHarness(policy: policy, redis: redis)
        var model = ReferenceLedger(policy: policy)
        // Enough fields that Redis does not store those of a label side by side.
        let amounts = Amounts(requests: 1, inputTokens: 2, outputTokens: 3, cost: 4)
        let records = try (0..<150).map { try TestOperation.record("user:a", "tool:t\($0)", amounts: amounts) }
        _ = try await harness.apply(records, at: Self.start)
        try redis.cli("FUNCTION", "FLUSH")
        // The library has room for half of the labels.
        let crowd = try await Crowd(redis)
        try await crowd.use(sets: 1, labels: Crowd.keptLabels - 75)
        let record = try TestOperation.record("user:a", "tool:t0", amounts: amounts)
        _ = try await harness.apply(record, at: Self.start + Self.day)
        for record in records { _ = model.apply(record, at: Self.start) }
        _ = model.apply(record, at: Self.start + Self.day)
        try StoredHistory(redis).expect(model.history)
        try await harness.stop()
        try await crowd.stop()
    }

    @Test(
        "with more to move than one call may, days and months agree with the model, whatever the calendar and clock do",
        arguments: 1...4)
    func manyDays(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        var policy = Policy()
        policy.history = ["user", "provider"]
        let calendars = [
            CalendarRules.utc, try CalendarRules(timeZone: "America/New_York", billingDay: 15),
            try CalendarRules(timeZone: "Pacific/Auckland"),
        ]
        let harness = try await LedgerHarness(policy: policy)
        var model = ReferenceLedger(policy: policy)
        for step in 0..<30 {
            if seed > 2 && step % 4 == 3 {
                policy.calendar = calendars[Int.random(in: 0..<3, using: &random)]
                try await harness.install(policy)
                model.changeCalendar(to: policy.calendar)
            }
            var batch: [TestOperation] = []
            // Sometimes a single user, whose days then catch up.
            let users = step % 7 == 6 ? 1 : 12
            for user in 0..<users {
                for tool in 0..<20 {
                    let amounts = Amounts(
                        requests: Int64.random(in: 0...2, using: &random), inputTokens: 5, outputTokens: 3,
                        cost: Int64.random(in: 1...99, using: &random))
                    let (user, tool) = ("user:u\(user)", "tool:t\(tool)")
                    batch.append(
                        Int.random(in: 0..<5, using: &random) == 0
                            ? try .refund(user, tool, "provider:p", amounts: amounts)
                            : try .record(user, tool, "provider:p", amounts: amounts))
                }
            }
            batch.shuffle(using: &random)
            let back = step % 5 == 4 ? Int64.random(in: 1...3, using: &random) : 0
            let now = Self.start + 10 * Self.day + (Int64(step) - back) * Self.day + Int64(seed) * 3_600_000
            let answers = try await harness.apply(batch, at: now)
            for (operation, answer) in zip(batch, answers) {
                try #require(answer == model.apply(operation, at: now), "seed \(seed), step \(step)")
            }
            if step % 10 == 9 { try StoredHistory(harness.redis).expect(model.history) }
        }
        try await harness.stop()
    }
}
