import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateStores

/// The comparison of an account's day with its provider's figures.
@Suite struct AccountDriftTests {
    private static let day = UTCDay(number: 20_000)
    private static let complete = (day.start + 30 * 3_600) * 1_000

    private func amounts(tokens: Int64 = 0, cost: Int64 = 0) -> HistoryAmounts {
        var amounts = HistoryAmounts()
        amounts.add(tokens, to: .tokens)
        amounts.add(cost, to: .cost)
        return amounts
    }

    private func drift(
        _ ours: HistoryAmounts?, _ figures: String?, read: Int64? = complete, _ provider: ProviderKind = .anthropic,
        currency: String = "USD"
    ) throws -> AccountDrift {
        var policy = Policy()
        policy.currency = currency
        var stored = StoredAccount()
        stored.state.lastSuccess = read
        stored.state.coveredSince = read == nil ? nil : Self.day.advanced(by: -1)
        if let figures { stored.days["\(Self.day)"] = try #require(AccountFigures(figures)) }
        return AccountDrift(day: Self.day, ours: ours, stored: stored, of: Account(provider: provider), in: policy)
    }

    @Test("tokens of all kinds and the cost are compared")
    func compared() throws {
        let day = try drift(
            amounts(tokens: 1_400, cost: 120_000_000),
            "input_tokens=1000 cache_read_tokens=200 cache_write_tokens=300 output_tokens=50 cost=0.123456")
        #expect(day.status == .compared)
        #expect(day.tokens.theirs == 1_550 && day.tokenDrift?.description == "-9.7 %")
        #expect(day.cost.ours?.description == "0.12" && day.costDrift?.description == "-2.8 %")
        #expect(day.meter(past: 5) == .tokens && day.meter(past: 10) == nil)
    }

    @Test("the meter of an alert is the one that drifts more, of those past the threshold")
    func meter() throws {
        func meter(_ tokens: Int64, _ cost: Int64) throws -> Meter? {
            try drift(amounts(tokens: tokens, cost: cost * 1_000_000), "input_tokens=100000 cost=100").meter(past: 5)
        }
        #expect(try meter(100_000, 90_000) == .cost && meter(80_000, 90_000) == .tokens)
        #expect(try meter(90_000, 110_000) == .tokens && meter(90_000, 111_000) == .cost)
        #expect(try meter(95_000, 105_000) == nil)
        // Both are 5.0 % when rounded, and only the cost is more.
        #expect(try meter(105_000, 105_001) == .cost)
    }

    @Test("nothing is compared with what is missing, and the status says why")
    func missing() throws {
        let ours = amounts(tokens: 5, cost: 5)
        let cases: [(AccountDrift, AccountDrift.Status)] = [
            (try drift(ours, nil), .noFigures), (try drift(ours, "requests=5"), .noFigures),
            // A credit.
            (try drift(ours, "cost=-5"), .noFigures),
            (try drift(nil, "input_tokens=5"), .noHistory), (try drift(nil, nil), .noFigures),
            (try drift(ours, nil, read: nil), .notRead), (try drift(ours, nil, .github), .notReported),
            (try drift(ours, "input_tokens=9", read: Self.complete - 1), .incomplete),
            (try drift(ours, nil, read: Self.complete - 1), .incomplete),
            (try drift(ours, "cost=5", currency: "EUR"), .otherCurrency),
            (AccountDrift(unreadable: Self.day), .unreadable),
        ]
        for (drift, status) in cases {
            #expect(drift.status == status)
            #expect(drift.tokenDrift == nil && drift.costDrift == nil && drift.meter(past: 1) == nil, "\(status)")
        }
        #expect(cases[3].0.tokens.ours == nil && cases[0].0.tokens.theirs == nil, "missing is not 0")
    }

    @Test("a cost is compared in US dollars only, and each figure by itself")
    func currency() throws {
        let euros = try drift(amounts(tokens: 100, cost: 9), "input_tokens=100 cost=5", currency: "EUR")
        #expect(euros.status == .compared && euros.tokenDrift?.tenths == 0 && euros.costDrift == nil)
        let costAlone = try drift(amounts(tokens: 100, cost: 5_000_000_000), "cost=5")
        #expect(costAlone.status == .compared && costAlone.tokenDrift == nil && costAlone.costDrift?.tenths == 0)
    }

    @Test("figures of 0 are figures")
    func zero() throws {
        let both = try drift(amounts(), "input_tokens=0 output_tokens=0 cost=0")
        #expect(both.status == .compared && both.tokenDrift?.tenths == 0 && both.meter(past: 1) == nil)
        let ours = try drift(amounts(tokens: 1), "input_tokens=0 cost=0")
        #expect(ours.tokenDrift?.description == "only ours" && ours.meter(past: 1_000) == .tokens)
    }
}
