import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger

@Suite("Charging reservations that expire")
struct ExpiryChargeTests {
    private static let start = ScriptTests.start
    private static let day: Int64 = 86_400_000
    private static let today = "2100-01-01"
    private static let held = Amounts(requests: 1, inputTokens: 30, outputTokens: 10, cost: 500)

    private func withHarness(
        _ limits: [Limit] = [Limit(.cost, .day, max: 1_000, onExpiry: .charge)],
        _ body: (LedgerHarness) async throws -> Void
    ) async throws {
        var policy = Policy()
        policy.defaults[try ScopeKind(parsing: "user")] = limits
        let harness = try await LedgerHarness(policy: policy)
        try await body(harness)
        try await harness.stop()
    }

    private func reserve(_ id: String = "1", seconds: Int64 = 60, onExpiry: ExpiryRule? = nil) throws -> TestOperation {
        try .reserve("user:a", "provider:p", amounts: Self.held, id: id, seconds: seconds, onExpiry: onExpiry)
    }

    /// The usage of the limits of user:a, as `500 of cost/day`, and what is held.
    private func usage(_ harness: LedgerHarness, after milliseconds: Int64) async throws -> [String] {
        try await harness.usage(of: "user:a", at: Self.start + milliseconds).items.map {
            "\($0.limit.limit.name) \($0.used)" + ($0.held > 0 ? " held \($0.held)" : "")
        }
    }

    private func day(_ harness: LedgerHarness, _ id: String = today) throws -> [String: Int64] {
        try StoredHistory(harness.redis).day(id, of: "user:a")
    }

    @Test("what it held is used from its end on, for USAGE before and after a batch, and for decisions")
    func charged() async throws {
        try await withHarness([
            Limit(.cost, .day, max: 1_000, onExpiry: .charge), Limit(.concurrent, .reservation, max: 1),
        ]) { harness in
            #expect(try await harness.apply(reserve(), at: Self.start).hasPrefix("ALLOW"))
            #expect(try await usage(harness, after: 59_999) == ["cost/day 0 held 500", "concurrent 1"])
            #expect(try await usage(harness, after: 60_000) == ["cost/day 500", "concurrent 0"])
            let check = try TestOperation.check("user:a", amounts: Amounts(requests: 1, cost: 501))
            for _ in 0..<2 {
                let answer = try await harness.apply(check, at: Self.start + 60_000)
                #expect(answer == "DENY user:a/cost/day used=500 wait=86340000")
            }
            #expect(try await usage(harness, after: 60_000) == ["cost/day 500", "concurrent 0"])
            #expect(try harness.redis.hash("tollgate:user:a")["cost/day"] == "500")
            #expect(try harness.redis.cli("ZCARD", "tollgate:user:a:holds") == "0")
            #expect(try harness.redis.cli("ZRANGE", "tollgate:user:a:charged", "0", "-1").hasPrefix("1 60000 user:a"))
        }
    }

    @Test("the history has it on the day of the RESERVE, by the labels of the request, without a call")
    func history() async throws {
        try await withHarness { harness in
            let noon = Self.start + Self.day - 30_000
            _ = try await harness.apply(reserve(onExpiry: .charge), at: noon)
            _ = try await harness.apply(.check("user:a"), at: noon + 60_000)
            let expected: [String: Int64] = [
                "requests": 1, "tokens": 40, "input_tokens": 30, "output_tokens": 10, "cost": 500,
            ]
            var all = expected
            for (name, amount) in expected { all["\(name)/provider=p"] = amount }
            #expect(try day(harness) == all)
            #expect(try day(harness, "2100-01-02") == ["requests": 1])
            #expect(try StoredHistory(harness.redis).month("2100-01", of: "user:a")["cost"] == 500)
        }
    }

    @Test("it counts in the period of the RESERVE, and no longer once that has ended")
    func period() async throws {
        try await withHarness([
            Limit(.cost, .day, max: 1_000, onExpiry: .charge), Limit(.cost, .month, max: 9_000),
        ]) { harness in
            _ = try await harness.apply(reserve(), at: Self.start + Self.day - 30_000)
            #expect(try await usage(harness, after: Self.day + 30_000) == ["cost/day 0", "cost/month 500"])
            _ = try await harness.apply(.check("user:a"), at: Self.start + Self.day + 30_000)
            #expect(try await usage(harness, after: Self.day + 30_000) == ["cost/day 0", "cost/month 500"])
        }
    }

    @Test("a COMMIT afterwards replaces what was charged, once, and a CANCEL gives it back", arguments: [true, false])
    func late(isSwept: Bool) async throws {
        try await withHarness { harness in
            let (first, second) = (try reserve("1", onExpiry: .charge), try reserve("2", onExpiry: .charge))
            _ = try await harness.apply([first, second], at: Self.start)
            if isSwept { _ = try await harness.apply(.check("user:a"), at: Self.start + 60_000) }
            let commit = first.commit(madeAt: Self.start, amounts: Amounts(cost: 70))
            let cancel = second.cancel(madeAt: Self.start)
            let time = Self.start + 70_000
            #expect(try await harness.apply(commit, at: time) == "OK late")
            #expect(try await usage(harness, after: 70_000) == ["cost/day 570"])
            #expect(try await harness.apply([commit, cancel], at: time) == ["OK duplicate", "OK late"])
            #expect(try await usage(harness, after: 70_000) == ["cost/day 70"])
            var expected: [String: Int64] = [
                "requests": 1, "requests/provider=p": 1, "calls": 1, "calls/provider=p": 1, "cost": 70,
                "cost/provider=p": 70,
            ]
            // The charges have used up the limit, so the CHECK that swept them was denied.
            if isSwept { expected["denied"] = 1 }
            let stored = try day(harness)
            #expect(stored == expected)
            #expect(try harness.redis.cli("EXISTS", "tollgate:user:a:charged", "tollgate:user:a:holds") == "0")
        }
    }

    @Test("a COMMIT that a journal replays days after the end replaces what was charged then, too")
    func replayedLate() async throws {
        try await withHarness([Limit(.cost, .month, max: 9_000, onExpiry: .charge)]) { harness in
            let reserve = try reserve()
            _ = try await harness.apply(reserve, at: Self.start)
            let later = 5 * Self.day
            _ = try await harness.apply(.check("user:a"), at: Self.start + later)
            #expect(try await usage(harness, after: later) == ["cost/month 500"])
            let commit = reserve.commit(madeAt: Self.start, amounts: Amounts(cost: 70))
            #expect(try await harness.apply(commit, at: Self.start + later + 1_000) == "OK late")
            #expect(try await usage(harness, after: later + 1_000) == ["cost/month 70"])
        }
    }

    @Test("a CANCEL that does not know when the RESERVE was made gives it back, too", arguments: [true, false])
    func unknownTime(isSwept: Bool) async throws {
        try await withHarness { harness in
            let reserve = try reserve()
            _ = try await harness.apply(reserve, at: Self.start)
            if isSwept { _ = try await harness.apply(.check("user:a"), at: Self.start + 60_000) }
            let cancel = reserve.cancel(madeAt: Reservation.unknownTime)
            _ = try await harness.apply(cancel, at: Self.start + 70_000)
            #expect(try await usage(harness, after: 70_000) == ["cost/day 0"])
            #expect(try day(harness)["cost"] == nil)
        }
    }

    @Test("a reservation that was committed or cancelled in time is not charged")
    func settled() async throws {
        try await withHarness { harness in
            let (first, second) = (try reserve("1"), try reserve("2"))
            _ = try await harness.apply([first, second], at: Self.start)
            _ = try await harness.apply(
                [first.commit(madeAt: Self.start, amounts: Amounts(cost: 70)), second.cancel(madeAt: Self.start)],
                at: Self.start + 1)
            #expect(try await usage(harness, after: 70_000) == ["cost/day 70"])
            _ = try await harness.apply(.check("user:a"), at: Self.start + 70_000)
            #expect(try await usage(harness, after: 70_000) == ["cost/day 70"])
        }
    }

    @Test("the request's word wins over that of the limits")
    func word() async throws {
        try await withHarness([Limit(.cost, .day, max: 9_000, onExpiry: .charge), Limit(.tokens, .day, max: 900)]) {
            harness in
            _ = try await harness.apply(reserve("1", onExpiry: .release), at: Self.start)
            #expect(try await usage(harness, after: 60_000) == ["tokens/day 0", "cost/day 0"])
            _ = try await harness.apply(reserve("2"), at: Self.start)
            #expect(try await usage(harness, after: 60_000) == ["tokens/day 0", "cost/day 500"])
            _ = try await harness.apply(reserve("3", onExpiry: .charge), at: Self.start)
            #expect(try await usage(harness, after: 60_000) == ["tokens/day 40", "cost/day 1000"])
        }
    }

    @Test("a threshold that it reaches opens an alert")
    func alerts() async throws {
        var limit = Limit(.cost, .day, max: 1_000, onExpiry: .charge)
        limit.thresholds = [50]
        try await withHarness([limit]) { harness in
            _ = try await harness.apply(reserve(), at: Self.start)
            _ = try await harness.takeNotices()
            _ = try await harness.apply(.check("user:a"), at: Self.start + 60_000)
            let items = try await harness.takeNotices().compactMap { notice in
                if case .outbox(let outbox) = notice { outbox.items } else { nil }
            }
            #expect(items.flatMap { $0 }.count == 1)
        }
    }

    @Test("it is charged even if nothing reads the scope for long after its end")
    func unread() async throws {
        var policy = Policy()
        policy.history = []
        policy.defaults[try ScopeKind(parsing: "user")] = [Limit(.cost, .month, max: 1_000, onExpiry: .charge)]
        policy.defaults[try ScopeKind(parsing: "team")] = [Limit(.cost, .total, max: 1_000, onExpiry: .charge)]
        let harness = try await LedgerHarness(policy: policy)
        let reserve = try TestOperation.reserve("user:a", "team:t", amounts: Amounts(cost: 5), id: "1")
        _ = try await harness.apply(reserve, at: Self.start)
        for key in ["tollgate:user:a", "tollgate:user:a:holds"] {
            #expect(try harness.redis.cli("PEXPIRETIME", key) == "\(Self.start + 31 * Self.day)", "\(key)")
        }
        for key in ["tollgate:team:t", "tollgate:team:t:holds"] {
            let expires = Int64(try harness.redis.cli("PEXPIRETIME", key)) ?? 0
            #expect(expires == -1 || expires > Self.start + 1_000 * Self.day, "\(key)")
        }
        #expect(try await usage(harness, after: 20 * Self.day) == ["cost/month 5"])
        try await harness.stop()
    }

    @Test("many that expire together are charged over several calls, and each once")
    func many() async throws {
        try await withHarness([Limit(.cost, .day, max: 90_000_000, onExpiry: .charge)]) { harness in
            for part in 0..<5 {
                let batch = try (0..<500).map { try reserve("\(part)-\($0)") }
                _ = try await harness.apply(batch, at: Self.start)
            }
            for _ in 0..<7 { _ = try await harness.apply(.check("user:a"), at: Self.start + 60_000) }
            #expect(try await usage(harness, after: 60_000) == ["cost/day \(2_500 * 500)"])
            let late = try reserve("4-499").commit(madeAt: Self.start, amounts: Amounts(cost: 1))
            #expect(try await harness.apply(late, at: Self.start + 60_000) == "OK late")
            #expect(try await usage(harness, after: 60_000) == ["cost/day \(2_499 * 500 + 1)"])
            #expect(try day(harness)["cost"] == 2_499 * 500 + 1)
        }
    }
}
