import TollgateAdmin
import TollgateCore
import TollgatePolicy
import TollgateServer
import TollgateStores

/// The page `/`: what was spent, who spent most, and whether the sidecar is well.
struct OverviewPage: Sendable {
    let pages: PageServer
    private let rates = RequestRates()

    init(pages: PageServer) {
        self.pages = pages
    }

    var routes: [Route] { [pages.get("/", show)] }

    private var sidecar: Sidecar { pages.admin.server }
    private var policy: Policy { sidecar.policies.effective }

    private func show(_ request: PageRequest) async throws -> PageReply {
        let named = request.query["top"].flatMap { try? ScopeKind(parsing: $0) }
        let kind = try named ?? ScopeKind(parsing: "user")
        var context: TemplateContext = [:]
        let state = await sidecar.report()
        let others = try? await sidecar.stores.policy.sidecars.recent()
        context["system"] = system(state, sidecars: others?.count)
        context["traffic"] = traffic(state)
        do {
            let report = try await OverviewReport.read(top: kind, from: sidecar)
            context["usage"] = usage(report, kind)
            context["alerts"] = alerts(report)
        } catch {
            // The rest of the page is current also without Redis, and says that it is not ready.
            context["problem"] = Problem(error).detail
        }
        return .page(Page("overview", title: "Overview", context))
    }

    // MARK: - Usage

    private func usage(_ report: OverviewReport, _ kind: ScopeKind) -> TemplateContext {
        let unit = HistoryChart.amountUnit(of: .cost, in: policy)
        let data = ChartData(
            id: "cost", title: "\(policy.currency) by day and provider",
            columns: report.windows.suffix(Int(OverviewReport.days)).map { LocalTime.label(of: $0) },
            series: report.series, unit: unit)
        var trend = data
        trend.id = "trend"
        let (today, month) = (report.today, report.month)
        let most = report.top.first?.amounts[.cost] ?? 0
        return [
            "costToday": report.charts.isEmpty ? "–" : unit.number(Int128(today[.cost])),
            "costMonth": report.charts.isEmpty ? "–" : unit.number(Int128(month[.cost])),
            "currency": policy.currency, "chart": StackedBars(data).markup, "sparkline": Sparkline(trend).markup,
            "days": OverviewReport.days,
            "isByProviderScope": report.isByProviderScope, "hasMoreProviders": report.hasMoreProviders,
            "providers": report.charts.count == 1 ? "1 provider" : "\(report.charts.count) providers",
            "hasCharts": !report.charts.isEmpty,
            "kinds": policy.history.sorted().filter { $0 != "global" }.map { name -> TemplateContext in
                ["label": name, "path": "/" + Markup.query([("top", name)]), "isCurrent": name == kind.description]
            },
            "top": report.top.map { item -> TemplateContext in
                [
                    "key": item.scope.description, "name": item.scope.parts.map(\.id).joined(separator: " + "),
                    "path": ScopePage.path(of: item.scope), "cost": unit.number(Int128(item.amounts[.cost])),
                    "bar": UsageShare(used: item.amounts[.cost], limit: max(most, 1)).barWidth,
                ]
            },
            "hasTop": !report.top.isEmpty, "kind": kind.description,
        ]
    }

    // MARK: - Alerts

    private func alerts(_ report: OverviewReport) -> TemplateContext {
        func count(_ level: AlertLevel) -> Int { report.alerts.count { AlertLevel($0) == level } }
        return [
            "levels": [AlertLevel.exceeded, .critical, .warning].map { level -> TemplateContext in
                ["name": level.rawValue, "count": count(level), "isSome": count(level) > 0]
            },
            "isPartial": report.alerts.count == OverviewReport.maxAlerts,
            "newest": report.alerts.prefix(5).map { alert -> TemplateContext in
                [
                    "scope": alert.scope.description, "path": ScopePage.path(of: alert.scope),
                    "condition": alert.condition, "level": AlertLevel(alert).rawValue,
                    "age": LocalTime.age(milliseconds: report.now - alert.openedAt),
                ]
            },
        ]
    }

    // MARK: - System

    private func traffic(_ state: InfoReport) -> TemplateContext {
        let counts = RequestRates.Counts(
            decisions: state.counts.allowed + state.counts.denied, denied: state.counts.denied)
        let rates = rates.rates(counts)
        func text(_ tenths: Int?) -> String {
            tenths.map { $0 < 100 ? "\($0 / 10).\($0 % 10)" : NumberText.grouped($0 / 10) } ?? "–"
        }
        return ["requests": text(rates?.decisions), "denied": text(rates?.denied)]
    }

    private func system(_ state: InfoReport, sidecars: Int?) -> TemplateContext {
        var context: TemplateContext = [
            "isReady": state.notReady.isEmpty, "reasons": state.notReady,
            "redis": state.redis.version.map { "Redis \($0)" } ?? "Redis",
            "waiting": state.journal.map { NumberText.grouped($0.operations) } ?? "",
            "hasJournal": state.journal != nil, "hasWarnings": !state.redis.health.warnings.isEmpty,
            "differs": state.policy.differsFrom,
        ]
        context["sidecars"] = sidecars.map { $0 == 1 ? "1 sidecar" : "\($0) sidecars" }
        return context
    }
}
