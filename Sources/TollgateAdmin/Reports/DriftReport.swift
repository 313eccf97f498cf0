package import TollgateCore
import TollgatePolicy
package import TollgateServer
package import TollgateStores

/// The drift of accounts by closed UTC day: our tokens and cost against those that the providers report.
package struct DriftReport: Sendable {
    /// An account on a day.
    package struct Item: Sendable {
        package var account: String
        package var provider: ProviderKind
        package var drift: AccountDrift
    }

    /// The maximum number of days.
    package static let maxDays: Int64 = 31
    /// The number of days if none are named.
    package static let usualDays: Int64 = 7

    package var days: ClosedRange<UTCDay>
    /// The currency of our costs. Those of providers are in US dollars, and are compared if ours are too.
    package var currency: String
    package var moneyUnit: MoneyUnit
    /// The drift in percent past which an alert opens.
    package var threshold: Int
    /// The days of each account, by account and in ascending order.
    package var items: [Item]

    /// Whether costs are compared.
    package var comparesCosts: Bool { currency == ProviderKind.currency }

    /// Whether a day of an account is past the threshold.
    package func isPastThreshold(_ item: Item) -> Bool { item.drift.meter(past: threshold) != nil }

    /// Reads the report.
    ///
    /// - Parameters:
    ///   - ids: The accounts; nil for all. Those that the policy does not have are left out.
    ///   - days: Closed days, at most ``maxDays``; nil for the last ``usualDays``.
    /// - Throws: A `StoreError`.
    package static func read(
        of ids: [String]? = nil, on days: ClosedRange<UTCDay>? = nil, from sidecar: Sidecar
    ) async throws -> DriftReport {
        let policy = sidecar.policies.effective
        let now = await sidecar.redisTime
        let yesterday = lastClosedDay(at: now)
        let days = days ?? yesterday.advanced(by: 1 - usualDays)...yesterday
        let known = (ids ?? policy.accounts.keys.sorted()).filter { policy.accounts[$0] != nil }
        let reader = DriftReader(history: sidecar.stores.history)
        let stored = try await sidecar.stores.accounts.accounts(known)
        let items = try await Array(zip(known, stored)).concurrentlyCompactMap { id, stored -> [Item]? in
            guard let account = policy.accounts[id] else { return nil }
            let drift: [AccountDrift]
            do throws(StoreError) {
                drift = try await reader.drift(
                    of: id, account, try stored.get().figures(of: account), on: days, in: policy, at: now)
            } catch {
                // One account does not hide the others.
                guard case .corrupt = error else { throw error }
                drift = (days.lowerBound.number...days.upperBound.number).map {
                    AccountDrift(unreadable: UTCDay(number: $0))
                }
            }
            return drift.map { Item(account: id, provider: account.provider, drift: $0) }
        }
        return DriftReport(
            days: days, currency: policy.currency, moneyUnit: policy.moneyUnit, threshold: policy.driftThreshold,
            items: items.flatMap { $0 })
    }

    /// The last day that has ended.
    ///
    /// - Parameter now: Unix ms.
    package static func lastClosedDay(at now: Int64) -> UTCDay {
        UTCDay(containing: floorDivide(now, 1_000)).advanced(by: -1)
    }
}

// MARK: - JSON

extension DriftReport: Encodable {
    /// Encodes `{"currency":"USD","decimals":9,"costs_compared":true,"threshold":5,"from":…,"to":…,"items":[…]}`.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: JSONKey.self)
        try container.encode(currency, forKey: JSONKey("currency"))
        try container.encode(moneyUnit.decimals, forKey: JSONKey("decimals"))
        try container.encode(comparesCosts, forKey: JSONKey("costs_compared"))
        try container.encode(threshold, forKey: JSONKey("threshold"))
        try container.encode("\(days.lowerBound)", forKey: JSONKey("from"))
        try container.encode("\(days.upperBound)", forKey: JSONKey("to"))
        try container.encode(
            items.map { DriftView(item: $0, isPastThreshold: isPastThreshold($0)) }, forKey: JSONKey("items"))
    }
}

/// A day of an account:
/// `{"account":"main","provider":"openai","day":"2026-11-29","status":"compared","tokens":{"own":…,"reported":…,"percent":-3.2},…}`
private struct DriftView: Encodable {
    var item: DriftReport.Item
    var isPastThreshold: Bool

    func encode(to encoder: any Encoder) throws {
        let drift = item.drift
        var container = encoder.container(keyedBy: JSONKey.self)
        try container.encode(item.account, forKey: JSONKey("account"))
        try container.encode(item.provider.rawValue, forKey: JSONKey("provider"))
        try container.encode("\(drift.day)", forKey: JSONKey("day"))
        try container.encode(drift.status.rawValue, forKey: JSONKey("status"))
        var tokens = container.nestedContainer(keyedBy: JSONKey.self, forKey: JSONKey("tokens"))
        try tokens.encode(drift.tokens.ours, forKey: JSONKey("own"))
        try tokens.encode(drift.tokens.theirs, forKey: JSONKey("reported"))
        try tokens.encode(drift.tokenDrift?.percent, forKey: JSONKey("percent"))
        var cost = container.nestedContainer(keyedBy: JSONKey.self, forKey: JSONKey("cost"))
        try cost.encode(drift.cost.ours?.description, forKey: JSONKey("own"))
        try cost.encode(drift.cost.theirs?.description, forKey: JSONKey("reported_usd"))
        try cost.encode(drift.costDrift?.percent, forKey: JSONKey("percent"))
        try container.encode(isPastThreshold, forKey: JSONKey("is_past_threshold"))
    }
}

extension Drift {
    /// The percentage with one decimal; nil if the provider counted 0 and we did not.
    fileprivate var percent: Double? { tenths.map { Double($0) / 10 } }
}

// MARK: - CSV

extension DriftReport {
    /// The report with one line per account and day. Cells of missing figures are empty.
    var csv: String {
        var table = CSVTable([
            "account", "provider", "day", "status", "own_tokens", "reported_tokens", "tokens_percent", "own_cost",
            "reported_cost_usd", "cost_percent", "is_past_threshold",
        ])
        for item in items {
            let drift = item.drift
            let cells: [String?] = [
                CSVTable.defused(item.account), item.provider.rawValue, "\(drift.day)", drift.status.rawValue,
                drift.tokens.ours.map { "\($0)" }, drift.tokens.theirs.map { "\($0)" }, drift.tokenDrift?.percentText,
                drift.cost.ours?.description, drift.cost.theirs?.description, drift.costDrift?.percentText,
                "\(isPastThreshold(item))",
            ]
            table.add(cells.map { $0 ?? "" })
        }
        return table.text
    }
}
