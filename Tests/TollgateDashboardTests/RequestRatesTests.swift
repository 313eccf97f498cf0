import Testing

@testable import TollgateDashboard

@Suite struct RequestRatesTests {
    private let start = ContinuousClock.now

    private func rates(_ rates: RequestRates, _ decisions: Int, _ denied: Int, after seconds: Int) -> RequestRates
        .Rates?
    {
        rates.rates(.init(decisions: decisions, denied: denied), at: start + .seconds(seconds))
    }

    @Test("rates are averages since the start at first, and of the last minute later")
    func averages() {
        let all = RequestRates(startedAt: start)
        #expect(rates(all, 10, 1, after: 2) == nil)
        #expect(rates(all, 100, 10, after: 30) == .init(decisions: 2_000, denied: 200))
        // 60 of them in the last 60 seconds.
        #expect(rates(all, 160, 10, after: 90) == .init(decisions: 600, denied: 0))
        // Nobody has looked for a while.
        #expect(rates(all, 900, 10, after: 1_000) == nil)
        #expect(rates(all, 910, 10, after: 1_010) == .init(decisions: 600, denied: 0))
    }

    @Test("counts that were reset do not give a negative rate")
    func reset() {
        let all = RequestRates(startedAt: start)
        _ = rates(all, 100, 10, after: 30)
        #expect(rates(all, 0, 0, after: 100) == .init(decisions: 0, denied: 0))
    }
}
