import TollgateCore
import TollgateProviders
import TollgateStores

/// The usage that a provider reports in the form of the store.
extension ProviderUsage {
    /// The figures by days such as `2026-11-30`.
    var dayFigures: [String: AccountFigures] {
        Dictionary(uniqueKeysWithValues: days.map { ("\($0.key)", AccountFigures($0.value)) })
    }

    /// The figures by the starts of hours such as `2026-11-30T13`.
    var hourFigures: [String: AccountFigures] {
        Dictionary(
            hours.map {
                (String(UTCTime.wholeSeconds(milliseconds: $0.key * 1_000).prefix(13)), AccountFigures($0.value))
            }
        ) { first, _ in first }
    }

    /// The quotas: `core requests 5000 12 4988 1796090000; …`, with `-` for what the provider does not say.
    var quotaText: String {
        quotas.map { quota in
            func text(_ number: Int64?) -> String { number.map { "\($0)" } ?? "-" }
            let unit = quota.unit == .requests ? "requests" : "nano_dollars"
            return [
                quota.name, unit, text(quota.limit), "\(quota.used)", text(quota.remaining), text(quota.resetsAt),
            ].joined(separator: " ")
        }.joined(separator: ";")
    }
}

extension AccountFigures {
    fileprivate init(_ figures: ProviderFigures) {
        let counts: [(Item, Int64?)] = [
            (.requests, figures.requests), (.inputTokens, figures.inputTokens),
            (.cacheReadTokens, figures.cacheReadTokens), (.cacheWriteTokens, figures.cacheWriteTokens),
            (.outputTokens, figures.outputTokens),
        ]
        self.init(
            counts: Dictionary(uniqueKeysWithValues: counts.compactMap { item, count in count.map { (item, $0) } }),
            cost: figures.cost)
    }
}
