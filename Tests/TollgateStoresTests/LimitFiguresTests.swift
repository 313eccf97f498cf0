import Testing
import TollgateCore
import TollgateLedger
import TollgatePolicy

@testable import TollgateStores

/// The sums of a provider's days in the periods of limits.
@Suite("Figures of the current periods")
struct LimitFiguresTests {
    /// 2026-11-15T12:00:00Z, a Sunday.
    private static let now: Int64 = 1_794_744_000_000

    private func account(_ days: [String: String], since: String = "2026-10-01") throws -> StoredAccount {
        var account = StoredAccount(days: try days.mapValues { try #require(AccountFigures($0)) })
        account.state.coveredSince = UTCDay(parsing: since)
        return account
    }

    private func texts(_ figures: LimitFigures) -> [String: String] {
        figures.figures.compactMapValues { $0?.text }
    }

    @Test("days are summed by day, week and billing period, and what is not reported has no figure")
    func periods() throws {
        let account = try account([
            "2026-11-15":
                "requests=3 input_tokens=100 cache_read_tokens=20 cache_write_tokens=3 output_tokens=50 cost=0.5",
            "2026-11-12": "input_tokens=1000 cost=1.000000001",
            "2026-11-09": "input_tokens=10", "2026-11-08": "input_tokens=7", "2026-10-20": "input_tokens=5",
            "2026-10-19": "input_tokens=1000000",
        ])
        let calendar = try CalendarRules(billingDay: 20)
        let found = texts(LimitFigures(account, calendar, costUnit: .nano, now: Self.now))
        let (day, week, month) = ("2026-11-15 1794787200000", "2026-W46 1794787200000", "2026-10 1795132800000")
        #expect(
            found == [
                "requests/day": "3 \(day)", "tokens/day": "173 \(day)", "input_tokens/day": "100 \(day)",
                "output_tokens/day": "50 \(day)", "cost/day": "500000000 \(day)", "requests/week": "3 \(week)",
                "tokens/week": "1183 \(week)", "input_tokens/week": "1110 \(week)", "output_tokens/week": "50 \(week)",
                "cost/week": "1500000001 \(week)", "requests/month": "3 \(month)", "tokens/month": "1195 \(month)",
                "input_tokens/month": "1122 \(month)", "output_tokens/month": "50 \(month)",
                "cost/month": "1500000001 \(month)",
            ])
    }

    @Test("a cost is rounded up to the unit of the policy, and has no figure in another currency")
    func costs() throws {
        let account = try account(["2026-11-15": "cost=1.230000001"])
        let cents = LimitFigures(account, .utc, costUnit: MoneyUnit(decimals: 2), now: Self.now)
        #expect(texts(cents)["cost/day"]?.hasPrefix("124 ") == true)
        let others = LimitFigures(account, .utc, costUnit: nil, now: Self.now)
        #expect(texts(others).isEmpty && others.figures.count == 15 && others.figures.keys.contains("cost/day"))
    }

    @Test("a figure beyond what scripts can count is the largest that they can")
    func large() throws {
        let account = try account(["2026-11-15": "cost=1000000000000000"])
        let figures = LimitFigures(account, .utc, costUnit: .nano, now: Self.now)
        #expect(texts(figures)["cost/day"]?.hasPrefix("9007199254740992 ") == true)
    }

    @Test(
        "a billing period ends at midnight UTC of its day, in short months on the last one",
        arguments: [
            (1, "2027-01-31", "2027-02-01"), (15, "2026-12-14", "2026-12-15"), (31, "2027-02-27", "2027-02-28"),
            (31, "2028-02-28", "2028-02-29"), (31, "2027-04-29", "2027-04-30"), (30, "2027-02-27", "2027-02-28"),
        ])
    func rollover(billingDay: Int, last: String, first: String) throws {
        let calendar = try CalendarRules(billingDay: billingDay)
        let account = try account([last: "output_tokens=100", first: "output_tokens=1"])
        let midnight = try #require(UTCDay(parsing: first)).start * 1_000
        func month(at now: Int64) -> ProviderFigure? {
            LimitFigures(account, calendar, costUnit: nil, now: now).figures["tokens/month"] ?? nil
        }
        let (before, after) = (month(at: midnight - 1), month(at: midnight))
        #expect(before?.amount == 100 && before?.endsAt == midnight)
        #expect(after?.amount == 1 && after?.endsAt ?? 0 > midnight)
        #expect(before?.periodID != after?.periodID)
    }

    @Test("a period that has not been read from its beginning has no figure, which is not the figure of a part")
    func parts() throws {
        let days = ["2026-11-15": "output_tokens=1", "2026-11-10": "output_tokens=2"]
        for (since, expected) in [
            ("2026-11-01", ["tokens/day": "1", "tokens/week": "3", "tokens/month": "3"]),
            ("2026-11-02", ["tokens/day": "1", "tokens/week": "3"]), ("2026-11-10", ["tokens/day": "1"]),
            ("2026-11-16", [:]),
        ] {
            let figures = LimitFigures(
                try account(days, since: since), .utc, costUnit: .nano, now: Self.now)
            let found = texts(figures).filter { $0.key.hasPrefix("tokens/") }
            #expect(found.mapValues { String($0.prefix { $0 != " " }) } == expected, "\(since)")
        }
        var unknown = try account(days)
        unknown.state.coveredSince = nil
        #expect(texts(LimitFigures(unknown, .utc, costUnit: .nano, now: Self.now)).isEmpty)
    }
}
