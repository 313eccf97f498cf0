import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateServer
import TollgateStores

/// Everything that the overview shows, as it was read from Redis.
struct OverviewReport: Sendable {
    /// The days of the chart.
    static let days: Int64 = 30
    /// The days that are read, so that the running month is among them.
    private static let readDays: Int64 = 31
    private static let maxProviders = 50
    /// The alerts that are counted.
    static let maxAlerts = 1_000
    private static let maxRanked = 10

    /// The windows of the days, the running one last.
    var windows: [CalendarWindow]
    /// The days by provider. Those of `global` are one chart, as they have all usage.
    var charts: [HistoryChart]
    /// Whether the charts are those of providers, so that usage without a provider is missing.
    var isByProviderScope: Bool
    /// Whether there are more providers than the charts.
    var hasMoreProviders: Bool
    /// The start of the running month, Unix ms.
    var monthStart: Int64
    var top: [RankedScope]
    var alerts: [Alert]
    /// Redis's time, Unix ms.
    var now: Int64

    /// Reads the report.
    ///
    /// - Parameter kind: The kind of the ranking.
    static func read(top kind: ScopeKind, from sidecar: Sidecar) async throws -> OverviewReport {
        let policy = sidecar.policies.effective
        let now = await sidecar.redisTime
        let calendar = policy.calendar
        async let alerts = sidecar.stores.alerts.active(atMost: maxAlerts)
        let isGlobal = policy.hasHistory(Scope.global.kind)
        var scopes: [Scope] = [.global]
        var hasMoreProviders = false
        if !isGlobal {
            let provider = try ScopeKind(parsing: "provider")
            scopes = []
            if policy.hasHistory(provider) {
                let seen = try await sidecar.stores.policy.scopesSeen(
                    kind: provider, after: nil, atMost: maxProviders)
                scopes = seen.items.map(\.scope)
                hasMoreProviders = seen.next != nil
            }
        }
        var charts: [HistoryChart] = []
        for scope in scopes {
            charts.append(
                try await HistoryChart.read(
                    of: scope, last: readDays, .day, in: calendar, by: isGlobal ? [.provider] : [], from: sidecar))
        }
        let today = calendar.window(.day, containing: now)
        let top =
            policy.hasHistory(kind)
            ? try await sidecar.stores.history.top(kind: kind, meter: .cost, day: today.id, atMost: maxRanked) : []
        let last = CalendarUnit.day.number(ofID: today.id) ?? 0
        return try await OverviewReport(
            windows: calendar.windows(.day, numbered: max(last - readDays + 1, 0)...last), charts: charts,
            isByProviderScope: !isGlobal, hasMoreProviders: hasMoreProviders,
            monthStart: calendar.window(.month, containing: now).startsAt, top: top,
            alerts: alerts, now: now)
    }

    /// The usage of the running day.
    var today: HistoryAmounts { charts.reduce(into: HistoryAmounts()) { $0 += $1.records.last?.total ?? .init() } }

    /// The usage of the running month.
    var month: HistoryAmounts {
        charts.reduce(into: HistoryAmounts()) { sum, chart in
            for (window, record) in zip(chart.windows, chart.records) where window.startsAt >= monthStart {
                sum += record.total
            }
        }
    }

    /// The cost of each day by provider.
    var series: [ChartData.Series] {
        charts.flatMap { chart in
            guard isByProviderScope else { return chart.series(of: .cost, by: .provider) }
            let name = chart.scope.parts.first?.id ?? chart.scope.description
            return [ChartData.Series(name, chart.records.map { $0.total[.cost] })]
        }.map { series in
            ChartData.Series(series.name, series.values.suffix(Int(Self.days)), isOther: series.isOther)
        }
    }
}
