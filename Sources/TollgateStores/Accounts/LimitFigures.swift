package import TollgateCore
package import TollgateLedger
package import TollgatePolicy

/// The figures of an account's provider in the current day, week and month, for the limits of the account.
package struct LimitFigures: Equatable, Sendable {
    /// The figures by the names of limits, such as `tokens/month`; nil where the provider has not reported one. Contains
    /// every limit that can have one.
    package private(set) var figures: [String: ProviderFigure?] = [:]
    /// The end of the last period, Unix ms.
    package private(set) var endsAt: Int64 = 0

    /// Sums the days of each period that has been read from its beginning.
    ///
    /// - Parameters:
    ///   - costUnit: The unit of amounts of `cost`; nil if the policy's currency is not that of providers.
    ///   - now: Unix ms.
    package init(_ account: StoredAccount, _ calendar: CalendarRules, costUnit: MoneyUnit?, now: Int64) {
        for period in [Period.day, .week, .month] {
            guard let unit = period.calendarUnit else { continue }
            let window = calendar.window(unit, containing: now)
            // A part of a period says nothing about the whole.
            let isWhole = account.state.coveredSince.map { $0.start * 1_000 <= window.startsAt } ?? false
            let sum = isWhole ? account.figures(in: window) : nil
            for meter in Meter.allCases where Limit.hasFigures(meter, period) {
                let amount = sum?.amount(of: meter, costUnit: costUnit)
                figures.updateValue(
                    amount.map { ProviderFigure($0, in: window) }, forKey: meter.limitName(over: period))
            }
            endsAt = max(endsAt, window.endsAt)
        }
    }
}

extension StoredAccount {
    /// The figures of the days in a window; nil if the provider has reported none.
    package func figures(in window: CalendarWindow) -> AccountFigures? {
        let (from, to) = (date(window.startsAt), date(window.endsAt))
        let days = days.filter { $0.key >= from && $0.key < to }.values
        return days.isEmpty ? nil : days.reduce(AccountFigures(), +)
    }

    private func date(_ time: Int64) -> String { String(UTCTime.wholeSeconds(milliseconds: time).prefix(10)) }
}

extension AccountFigures {
    /// The amount of a meter; nil if the provider has not reported it. A cost is rounded up to its unit.
    fileprivate func amount(of meter: Meter, costUnit: MoneyUnit?) -> Int64? {
        switch meter {
        case .requests: return counts[.requests]
        case .tokens: return tokens
        case .inputTokens: return counts[.inputTokens]
        case .outputTokens: return counts[.outputTokens]
        case .cost:
            guard let costUnit, let cost else { return nil }
            return cost.amount(roundedUpIn: costUnit)
        case .concurrent: return nil
        }
    }
}
