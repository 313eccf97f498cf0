import Testing
import TollgateCore
import TollgateTestSupport

@testable import TollgateLedger

/// Days that begin for many scopes in one call, which folds only so much: the rest wait, and are counted once all the same.
@Suite struct HistoryFoldingTests {
    private static let start = ScriptTests.start
    private static let day: Int64 = 86_400_000
    private static let users = (0..<8).map { "user:u\($0)" }

    private func harness(historyDays: Int = 35) async throws -> LedgerHarness {
        var policy = Policy()
        policy.history = ["user"]
        policy.historyDays = historyDays
        return try await LedgerHarness(policy: policy)
    }

    /// A page of 302 fields for each user, at that time: 450 of cost, and 150 requests.
    private func fillDay(_ harness: LedgerHarness, at time: Int64) async throws {
        for user in Self.users {
            let records = try (0..<150).map {
                try TestOperation.record(user, "tool:t\($0)", amounts: Amounts(requests: 1, cost: 3))
            }
            _ = try await harness.apply(records, at: time)
        }
    }

    /// One record for each of the users, in one call: 1 of cost.
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

    @Test(
        "a call in which many scopes begin a day folds only so many fields; the next ones catch up, and nothing more is read"
    )
    func catchingUp() async throws {
        let harness = try await harness()
        try await fillDay(harness, at: Self.start)
        var folded: [Int] = []
        for round in 1...4 {
            try await recordForAll(harness, at: Self.start + Self.day)
            let stored = try StoredHistory(harness.redis)
            var alone = 0
            for user in Self.users {
                let open = stored.openDays(of: "2100-01", of: user)
                let isFolded = open == ["2100-01-02"]
                #expect(isFolded || open == ["2100-01-01", "2100-01-02"])
                let first = try field("folded", of: "day:2100-01-01", user, harness)
                let second = try field("folded", of: "day:2100-01-02", user, harness)
                #expect(first == (isFolded ? "2100-01" : "0") && second == (isFolded ? "0" : "0+"))
                let month = stored.month("2100-01", of: user)
                #expect(month["cost"] == Int64(450 + round) && month["cost/tool=t0"] == Int64(3 + round))
                #expect(month["requests"] == 150 && month.count == 302)
                alone += isFolded ? 1 : 0
            }
            folded.append(alone)
        }
        // Of the 1000 fields that a call may fold, the fourth day begins within them.
        #expect(folded == [4, 8, 8, 8])
        try harness.redis.cli("CONFIG", "RESETSTAT")
        try await recordForAll(harness, at: Self.start + Self.day)
        let counts = try commandCounts(harness.redis)
        #expect(counts["hmget"] == 8 && counts["hset"] == 8 && counts["hgetall"] == nil)
        try await harness.stop()
    }

    @Test("days that wait live as long as their month; once folded, however long after, their own time")
    func waitingDays() async throws {
        let harness = try await harness(historyDays: 3)
        let monthExpires = Self.start + (31 + 14 * 31) * Self.day
        try await fillDay(harness, at: Self.start)
        try await recordForAll(harness, at: Self.start + Self.day)
        let waiting = try #require(
            try Self.users.first { try field("folded", of: "day:2100-01-02", $0, harness) == "0+" })
        for page in ["day:2100-01-01", "day:2100-01-02", "month:2100-01"] {
            #expect(try expiry(of: page, waiting, harness) == monthExpires)
        }
        // Silent for three weeks.
        let record = try TestOperation.record(waiting, amounts: Amounts(cost: 7))
        _ = try await harness.apply(record, at: Self.start + 22 * Self.day)
        #expect(try field("open_day", of: "month:2100-01", waiting, harness) == "2100-01-23")
        #expect(try field("cost", of: "month:2100-01", waiting, harness) == "451")
        #expect(try expiry(of: "day:2100-01-01", waiting, harness) == Self.start + 4 * Self.day)
        #expect(try expiry(of: "day:2100-01-02", waiting, harness) == Self.start + 5 * Self.day)
        #expect(try StoredHistory(harness.redis).month("2100-01", of: waiting)["cost"] == 458)
        try await harness.stop()
    }

    @Test("days that wait when their month ends stay open, and count in it")
    func endOfMonth() async throws {
        let harness = try await harness()
        try await fillDay(harness, at: Self.start + 29 * Self.day)
        try await recordForAll(harness, at: Self.start + 30 * Self.day)
        for _ in 0..<3 { try await recordForAll(harness, at: Self.start + 31 * Self.day) }
        let stored = try StoredHistory(harness.redis)
        let open = Self.users.map { stored.openDays(of: "2100-01", of: $0) }
        #expect(open.filter { $0 == ["2100-01-30", "2100-01-31"] }.count == 4)
        #expect(open.filter { $0 == ["2100-01-31"] }.count == 4)
        for user in Self.users {
            #expect(stored.month("2100-01", of: user)["cost"] == 451)
            #expect(stored.month("2100-02", of: user)["cost"] == 3)
        }
        try await harness.stop()
    }

    @Test("what comes to a day that waits, or is sent again, counts once")
    func lateAndAgain() async throws {
        let harness = try await harness()
        try await fillDay(harness, at: Self.start)
        let records = try Self.users.map {
            try TestOperation.record($0, "tool:t0", amounts: Amounts(cost: 1)).once("again")
        }
        _ = try await harness.apply(records, at: Self.start + Self.day)
        let first = try StoredHistory(harness.redis)
        let open = Self.users.map { first.openDays(of: "2100-01", of: $0) }
        #expect(Set(open.map(\.count)) == [1, 2])
        let again = try await harness.apply(records, at: Self.start + Self.day)
        #expect(Set(again) == ["OK duplicate"])
        // The clock goes back: to days that are folded, and to such as wait, which stay open.
        try await recordForAll(harness, at: Self.start)
        let stored = try StoredHistory(harness.redis)
        for (user, days) in zip(Self.users, open) {
            #expect(stored.openDays(of: "2100-01", of: user) == days)
            #expect(stored.day("2100-01-01", of: user)["cost"] == 451)
            #expect(stored.month("2100-01", of: user)["cost"] == 452)
        }
        try await harness.stop()
    }

    @Test("a day that others wait before, and that waits itself, stays open while it is written")
    func between() async throws {
        let harness = try await harness()
        try await fillDay(harness, at: Self.start)
        for day in 1...2 { try await recordForAll(harness, at: Self.start + Int64(day) * Self.day) }
        let first = try StoredHistory(harness.redis)
        let user = try #require(Self.users.first { first.openDays(of: "2100-01", of: $0).count == 3 })
        let record = try TestOperation.record(user, "tool:t0", amounts: Amounts(cost: 10))
        for round in 1...2 {
            _ = try await harness.apply(record, at: Self.start + Self.day)
            let stored = try StoredHistory(harness.redis)
            #expect(stored.openDays(of: "2100-01", of: user) == ["2100-01-02", "2100-01-03"])
            #expect(stored.month("2100-01", of: user)["cost"] == Int64(452 + 10 * round))
        }
        _ = try await harness.apply(record, at: Self.start + 3 * Self.day)
        let stored = try StoredHistory(harness.redis)
        #expect(stored.openDays(of: "2100-01", of: user) == ["2100-01-04"])
        #expect(stored.month("2100-01", of: user)["cost"] == 482)
        try await harness.stop()
    }

    @Test(
        "with more to fold in every call than a call may, days and months agree with the model, whatever calendar and clock do",
        arguments: 1...4)
    func manyOpenDays(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        var policy = Policy()
        policy.history = ["user", "provider"]
        let calendars = [
            CalendarRules.utc, try CalendarRules(timeZone: "America/New_York", billingDay: 15),
            try CalendarRules(timeZone: "Pacific/Auckland"),
        ]
        let harness = try await LedgerHarness(policy: policy)
        var model = ReferenceLedger(policy: policy)
        var mostOpen = 0
        for step in 0..<30 {
            if seed > 2 && step % 4 == 3 {
                policy.calendar = calendars[Int.random(in: 0..<3, using: &random)]
                try await harness.install(policy)
                model.changeCalendar(to: policy.calendar)
            }
            var batch: [TestOperation] = []
            // Now and then a user alone, whose days then catch up.
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
            let stored = try StoredHistory(harness.redis)
            if step % 10 == 9 { stored.expect(model.history) }
            for user in 0..<12 {
                for month in ["2099-12", "2100-01", "2100-02"] {
                    mostOpen = max(mostOpen, stored.openDays(of: month, of: "user:u\(user)").count)
                }
            }
        }
        #expect(mostOpen > 3, "seed \(seed)")
        try await harness.stop()
    }
}
