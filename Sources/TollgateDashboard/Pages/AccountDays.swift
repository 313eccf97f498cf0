import TollgateAdmin
import TollgateCore
import TollgatePolicy
import TollgateServer
import TollgateStores

/// The last days of an account, by UTC: our own amounts beside the provider's figures.
struct AccountDays {
    /// The number of days, the longest month.
    private static let count: Int64 = 31

    /// The days, the newest first.
    private var days: [String]
    /// Our own amounts by day; nil if the kind `account` has no history.
    private(set) var own: [String: HistoryAmounts]?
    /// The provider's figures by day. A day without any is missing.
    private var reported: [String: AccountFigures]

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
        return AccountDays(days: days, own: own, reported: view.stored.days)
    }

    /// The values of a row for each day. Figures that are not known are missing.
    func rows(moneyUnit: MoneyUnit) -> [TemplateContext] {
        days.map { day in
            let (own, reported) = (own?[day], reported[day])
            var row: TemplateContext = ["day": day]
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
