import TollgateAdmin
import TollgateCore
import TollgatePolicy
import TollgateServer
import TollgateStores

/// The last days of an account, by UTC: our own amounts beside the provider's figures, with the drift of closed days.
struct AccountDays {
    /// The number of days, the longest month.
    private static let count: Int64 = 31

    /// The days, the newest first.
    private var days: [String]
    /// Our own amounts by day; nil if the kind `account` has no history.
    private(set) var own: [String: HistoryAmounts]?
    /// The provider's figures by day. A day without any is missing.
    private var reported: [String: AccountFigures]
    /// The drift of the closed days.
    private var drift: DriftReport

    /// Reads the own amounts of an account whose provider's figures are known already.
    static func read(_ view: AccountView, of policy: Policy, from sidecar: Sidecar) async throws -> AccountDays {
        let today = UTCDay(containing: view.now / 1_000)
        let days = (0..<count).map { today.advanced(by: -$0).description }
        var own: [String: HistoryAmounts]?
        if policy.hasHistory(view.scope) {
            let records = try await sidecar.stores.history.days(
                of: view.scope, ids: days, .amounts([.requests, .tokens, .cost]))
            own = Dictionary(zip(days, records.map(\.total))) { first, _ in first }
        }
        let drift = try await DriftReport.read(
            of: [view.id], on: today.advanced(by: 1 - count)...today.advanced(by: -1), from: sidecar)
        // Days before the first usage are not known, which is not 0.
        for item in drift.items where item.drift.tokens.ours == nil { own?["\(item.drift.day)"] = nil }
        return AccountDays(days: days, own: own, reported: view.stored.days, drift: drift)
    }

    /// The values of a row for each day from the first figures of either side on. Figures that are not known are missing.
    func rows(moneyUnit: MoneyUnit) -> [TemplateContext] {
        let cells = Dictionary(
            drift.items.map { ("\($0.drift.day)", DriftTable.cell($0, past: drift.threshold)) }
        ) { first, _ in first }
        let first = days.lastIndex { own?[$0] != nil || reported[$0] != nil } ?? 0
        return days[...first].map { day in
            let (own, reported) = (own?[day], reported[day])
            var row = cells[day] ?? ["reason": "not closed yet"]
            row["day"] = day
            row["ownRequests"] = own.map { NumberText.grouped($0[.requests]) }
            row["ownTokens"] = own.map { NumberText.grouped($0[.tokens]) }
            row["ownCost"] = own.map { NumberText.money($0[.cost], in: moneyUnit) }
            row["requests"] = reported?.requestText
            row["tokens"] = reported?.tokenText
            row["cost"] = reported?.costText
            return row
        }
    }
}
