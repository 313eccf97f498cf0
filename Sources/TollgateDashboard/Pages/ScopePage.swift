import TollgateAdmin
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateServer
import TollgateStores

/// The page `/scopes/{scope}`: the limits of a scope with their sources, its history, alerts, denials and open
/// reservations.
struct ScopePage: Sendable {
    let pages: PageServer

    private var sidecar: Sidecar { pages.admin.server }
    private var policy: Policy { sidecar.policies.effective }

    /// Returns the scope in the path. Throws a `Problem` for one that requests may not name.
    func scope(of request: PageRequest) throws(Problem) -> Scope {
        do throws(ScopeError) {
            let scope = try Scope(parsing: try request.scopeText())
            let kinds = policy.knownKinds
            if let (kind, standing) = kinds.firstUnknown(in: scope.kind), standing == .unknown {
                throw ScopeError("\(kind): \(kinds.explanation(of: kind))")
            }
            return scope.foldingCase(of: kinds.folded)
        } catch {
            throw .notFound("scope: \(error)")
        }
    }

    /// Renders the page, with the form that failed if there is one.
    func page(
        _ request: PageRequest, _ scope: Scope, failure: FormFailure? = nil,
        rejected: (edit: LimitEdit, failure: LimitEdit.Failure)? = nil
    ) async throws -> Page {
        let dimension = request.query["by"].flatMap(HistoryDimension.init(rawValue:)) ?? .provider
        let meter = request.query["meter"].flatMap(HistoryMeter.init(rawValue:)) ?? .cost
        let report = try await ScopeReport.read(scope, by: dimension, from: sidecar)
        let path = Self.path(of: scope)
        var context: TemplateContext = [
            "scope": scope.description, "scopePath": path, "kind": scope.kind.description,
            "timeZone": report.rules.calendar.timeZone,
        ]
        context["tier"] = report.rules.choice.map { choice -> TemplateContext in
            ["id": choice.tier.tier.id, "via": choice.winner.subject.id]
        }
        context["limits"] = report.usage.items.enumerated().map { index, item in
            limit(item, index, report, rejected)
        }
        context["hasLimits"] = !report.usage.items.isEmpty
        var added = LimitField(id: "new-limit", in: policy)
        if let rejected, !report.usage.items.contains(where: { $0.limit.limit.name == rejected.edit.limitName }) {
            added.reject(rejected.edit, rejected.failure)
        }
        context["addedLimit"] = added.context
        context["override"] = override(report, failure)
        context["reset"] = reset(report, failure)
        context["history"] = report.history.map { history($0, dimension, meter, path) }
        context["alerts"] = report.alerts.map { alert($0, report) }
        context["hasAlerts"] = !report.alerts.isEmpty
        context["denials"] = report.denials.map { denial($0, report) }
        context["hasDenials"] = !report.denials.isEmpty
        context["holds"] = report.holds.map { hold($0, report) }
        context["hasHolds"] = !report.holds.isEmpty
        context["problem"] = failure.flatMap { $0.form == "reservation" ? $0.errors[""] : nil }
        let status = failure?.status ?? rejected?.failure.status ?? 200
        return Page("scope", title: scope.description, section: "usage", status: status, context)
    }

    static func path(of scope: Scope) -> String { "/scopes/\(Markup.encoded(scope.description))" }

    // MARK: - Limits

    private func limit(
        _ item: ScopeUsage.Item, _ index: Int, _ report: ScopeReport,
        _ rejected: (edit: LimitEdit, failure: LimitEdit.Failure)?
    ) -> TemplateContext {
        let limit = item.limit.limit
        let share = UsageShare(used: item.used, limit: limit.max)
        var context: TemplateContext = [
            "name": limit.name, "used": LimitText.amount(item.used, limit),
            "held": LimitText.amount(item.held, limit), "percent": share.text, "level": share.level.cssClass,
            "bar": share.barWidth, "source": item.limit.source.explanation, "isShadow": limit.mode == .shadow,
            "unit": LimitText.unit(limit, currency: policy.currency), "hasMax": limit.max != nil,
        ]
        context["max"] = limit.max.map { LimitText.amount($0, limit) } ?? "No Limit"
        context["isOwn"] = item.limit.source == .scope(.admin)
        context["isOverridden"] = item.limit.source == .override
        context["isPerRequest"] = limit.period == .request
        if let resetsAt = item.resetsAt { context["resets"] = report.instant(resetsAt) }
        // A limit of an override changes with the override.
        guard item.limit.source != .override else { return context }
        var field = LimitField(id: "limit-\(index)", of: limit, in: policy)
        if let rejected, rejected.edit.limitName == limit.name { field.reject(rejected.edit, rejected.failure) }
        context["field"] = field.context
        return context
    }

    private func override(_ report: ScopeReport, _ failure: FormFailure?) -> TemplateContext {
        var context: TemplateContext = ["isActive": false, "version": 0]
        if let override = report.override {
            context["isActive"] = true
            // It has further limits, maybe, which the form here would drop.
            context["changePath"] = "/overrides" + Markup.query([("scope", report.scope.description)])
            context["version"] = override.version
            context["reason"] = override.item.reason
            context["endsAt"] = report.instant(override.item.expiresAt)
            context["left"] = LocalTime.age(milliseconds: override.item.expiresAt - report.now)
            let limits = override.item.limits.map { limit in
                "\(limit.name) = \(limit.max.map { LimitText.amount($0, limit) } ?? "no limit")"
            }
            let additions = override.item.additions.map { addition in
                "\(addition.meter.limitName(over: addition.period)) + \(addition.meter.text(addition.amount, in: addition.unit))"
            }
            context["changes"] = limits + additions
        }
        // The choices of the form: the limits in force, and what users ask for most.
        let names = report.usage.items.map(\.limit.limit).filter { $0.period != .request && $0.max != nil }.map(\.name)
        let usual = ["cost/day", "cost/month", "tokens/day", "tokens/month", "requests/day"]
        let failed = failure.flatMap { $0.form == "override" ? $0 : nil }
        context["choices"] = (names + usual.filter { !names.contains($0) }).map { name -> TemplateContext in
            ["name": name, "isSelected": name == failed?.entered["limit"]]
        }
        context["showsForm"] = report.override == nil || failed != nil
        context["currency"] = policy.currency
        context["isAddition"] = failed?.entered["change"] == "add"
        if let failed {
            context.merge(failed.context(of: ["amount", "ends"]))
            context["enteredReason"] = failed.entered.raw("reason")
            // After a conflict, the page shows what is in force, and sending the form again replaces it. After any other
            // error, it still is a change of what the user saw.
            if failed.status != 412 { context["version"] = failed.entered["version"] ?? "0" }
        }
        return context
    }

    private func reset(_ report: ScopeReport, _ failure: FormFailure?) -> TemplateContext {
        let limits = report.usage.items.map(\.limit.limit).filter { $0.period != .request && $0.meter != .concurrent }
        var context: TemplateContext = [
            "names": limits.map(\.name), "hasLimits": !limits.isEmpty, "isOpen": false,
        ]
        if let failure, failure.form == "reset" {
            context.merge(failure.context(of: ["confirmation"]))
        }
        return context
    }

    // MARK: - History

    private func history(
        _ chart: HistoryChart, _ dimension: HistoryDimension, _ meter: HistoryMeter, _ path: String
    ) -> TemplateContext {
        let unit = HistoryChart.amountUnit(of: meter, in: policy)
        let data = ChartData(
            id: "history", title: "\(unit.name) by day and \(dimension.name)", columns: chart.columns,
            series: chart.series(of: meter, by: dimension), unit: unit)
        func link(_ name: String, _ value: String, isCurrent: Bool) -> TemplateContext {
            var pairs = [(name: "by", value: dimension.name), (name: "meter", value: meter.name)]
            pairs = pairs.map { $0.name == name ? (name, value) : $0 }
            return [
                "label": value.replacing("_", with: " "), "path": path + Markup.query(pairs), "isCurrent": isCurrent,
            ]
        }
        return [
            "chart": StackedBars(data).markup, "days": ScopeReport.days,
            "dimensions": HistoryDimension.allCases.map { link("by", $0.name, isCurrent: $0 == dimension) },
            "meters": HistoryMeter.charted.map { link("meter", $0.name, isCurrent: $0 == meter) },
        ]
    }

    // MARK: - Lists

    private func alert(_ alert: Alert, _ report: ScopeReport) -> TemplateContext {
        [
            "id": alert.id, "condition": alert.condition,
            "severity": AlertLevel(alert).rawValue, "state": alert.state.rawValue,
            "opened": report.instant(alert.openedAt),
            "used": alert.usedText, "max": alert.maxText,
        ]
    }

    private func denial(_ entry: DenialEntry, _ report: ScopeReport) -> TemplateContext {
        let event = entry.event
        return [
            "key": entry.id, "at": report.instant(event.at), "limit": event.limitName,
            "used": event.meter.text(event.used, in: event.unit), "max": event.meter.text(event.max, in: event.unit),
            "isShadow": event.mode == .shadow, "request": event.request.map(\.description),
        ]
    }

    private func hold(_ hold: OpenHold, _ report: ScopeReport) -> TemplateContext {
        let unit = policy.moneyUnit
        return [
            "id": hold.id, "age": LocalTime.age(milliseconds: report.now - hold.madeAt),
            "ends": LocalTime.age(milliseconds: hold.endsAt - report.now),
            "tokens": NumberText.grouped(hold.amounts.tokens ?? 0),
            "cost": NumberText.money(hold.amounts.cost ?? 0, in: unit),
            "scopes": hold.scopes, "cancelPath": "/reservations/\(Markup.encoded(hold.id))/cancel",
        ]
    }

}

extension HistoryMeter {
    /// The meters that charts offer.
    static let charted: [HistoryMeter] = [.cost, .tokens, .inputTokens, .outputTokens, .requests, .denied]
}

/// The class of an alert's row: by its threshold of a limit, as the API's severities put 95 % and 100 % together.
enum AlertLevel: String {
    case warning
    case critical
    case exceeded

    init(_ alert: Alert) {
        guard alert.isOfLimit else {
            self = .warning
            return
        }
        self = alert.threshold >= 100 ? .exceeded : alert.threshold >= 95 ? .critical : .warning
    }
}

extension PageRequest {
    /// Returns the scope in the path as text.
    func scopeText() throws(ScopeError) -> String {
        guard let text = try? request.parameter("scope") else { throw ScopeError("expected percent-encoded UTF-8") }
        return text
    }
}
