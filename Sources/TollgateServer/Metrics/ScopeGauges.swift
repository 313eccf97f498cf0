package import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateStores

/// The kinds of scopes whose limits have gauges of their own.
package struct ScopeGaugeSettings: Sendable {
    /// The maximum of ``maxScopes``.
    package static let mostScopes = 1_000

    package var kinds: [ScopeKind]
    /// The maximum number of scopes with gauges of their own.
    package var maxScopes = 200

    package init(kinds: [ScopeKind] = []) {
        self.kinds = kinds
    }
}

/// The usage of a limit of a scope, for metrics. Money is in the currency.
package struct ScopeGauge: Sendable {
    /// The scope, or `other` for all that have no gauges of their own.
    package var scope: String
    package var limit: String
    package var usedRatio: Double
    /// Nil for `other`, whose limits have no sum.
    package var remaining: Double?
    package var max: Double?
}

/// Reads the gauges of chosen scopes (`ScrapedValue`). Usable from any task.
package struct ScopeGaugeReader: Sendable {
    /// The maximum number of scopes that are ranked: those that requests used last.
    private static let maxRanked = 1_000
    /// The number of scopes whose limits are looked up at a time, as the first worker does that between its requests.
    private static let portion = 100
    /// The maximum number of limits with gauges, so that metrics stay few whatever the policy.
    static let maxLimits = 300

    private let sidecar: Sidecar
    private let settings: ScopeGaugeSettings
    private let scraped = ScrapedValue<[ScopeGauge]>()

    package init(_ sidecar: Sidecar, _ settings: ScopeGaugeSettings) {
        self.sidecar = sidecar
        self.settings = settings
    }

    /// The gauges; empty if no kinds were chosen, or if Redis could not be asked.
    package func gauges() async -> [ScopeGauge] {
        guard !settings.kinds.isEmpty else { return [] }
        return await scraped.value { try? await read() } ?? []
    }

    /// Ranks the scopes by the limits that plain fields tell, which costs Redis little, and reads all limits of the most
    /// used ones.
    private func read() async throws -> [ScopeGauge] {
        var scopes: [Scope] = []
        for kind in settings.kinds {
            let count = max(1, Self.maxRanked / settings.kinds.count)
            scopes += try await sidecar.stores.policy.scopesSeen(kind: kind, after: nil, atMost: count).items.map(
                \.scope)
        }
        let ranked = try await usages(of: scopes, .calendar).sorted { Self.ratio(of: $0) > Self.ratio(of: $1) }
        let named = try await usages(of: ranked.prefix(settings.maxScopes).map(\.scope), .all)
        let gauges = named.flatMap(Self.gauges).sorted { $0.usedRatio > $1.usedRatio }
        let others = ranked.dropFirst(settings.maxScopes).flatMap(Self.gauges) + gauges.dropFirst(Self.maxLimits)
        return gauges.prefix(Self.maxLimits) + Self.summary(of: others)
    }

    private func usages(of scopes: [Scope], _ limits: UsageReader.Limits) async throws -> [ScopeUsage] {
        var usages: [ScopeUsage] = []
        for start in stride(from: 0, to: scopes.count, by: Self.portion) {
            let part = Array(scopes[start..<min(start + Self.portion, scopes.count)])
            usages += try await sidecar.readings(of: part, limits).map(\.usage)
        }
        return usages
    }

    /// Returns the most used share of each limit among scopes without gauges of their own.
    private static func summary(of gauges: [ScopeGauge]) -> [ScopeGauge] {
        Dictionary(grouping: gauges, by: \.limit).sorted { $0.key < $1.key }.map { limit, gauges in
            ScopeGauge(scope: "other", limit: limit, usedRatio: gauges.map(\.usedRatio).max() ?? 0)
        }
    }

    private static func ratio(of usage: ScopeUsage) -> Double { gauges(of: usage).map(\.usedRatio).max() ?? 0 }

    /// Returns the gauges of the limits that have a max above 0 and usage that can be told.
    private static func gauges(of usage: ScopeUsage) -> [ScopeGauge] {
        usage.items.compactMap { item in
            let limit = item.limit.limit
            guard let max = limit.max, max > 0, limit.period != .request else { return nil }
            let scale = limit.meter == .cost ? Double(limit.unit.countPerCurrencyUnit) : 1
            return ScopeGauge(
                scope: usage.scope.description, limit: limit.name,
                usedRatio: (Double(item.used) + Double(item.held)) / Double(max),
                remaining: Double(item.remaining ?? 0) / scale, max: Double(max) / scale)
        }
    }
}
