import HTTPTypes
import TollgateAdmin
import TollgateCore
import TollgatePolicy
import TollgateServer
import TollgateStores

/// The page `/alerts`: a row for each alert, the unresolved ones first. Administrators acknowledge and resolve them, one
/// or many at a time.
struct AlertPages: Sendable {
    let pages: PageServer

    var routes: [Route] {
        [
            pages.get("/alerts") { request in .page(try await page(request)) },
            pages.post("/alerts", change),
        ]
    }

    /// An action on alerts.
    private enum Action: String {
        case acknowledge
        case resolve

        var done: String { self == .acknowledge ? "acknowledged" : "resolved" }
    }

    private var store: AlertStore { pages.admin.server.stores.alerts }

    // MARK: - Changes

    private func change(_ request: PageRequest) async throws -> PageReply {
        guard let action = request.form["action"].flatMap(Action.init(rawValue:)) else {
            throw Problem.badRequest("action: expected acknowledge or resolve")
        }
        let ids = request.form.all("id")
        guard !ids.isEmpty else {
            return .page(try await page(request, Failures(status: 422, sentences: ["Select at least one alert."])))
        }
        var failures = Failures(status: 409)
        for id in ids {
            do throws(Problem) {
                let path = "/v1/alerts/\(Markup.encoded(id))/\(action.rawValue)"
                _ = try await pages.admin.send(.post, path, as: request.caller)
            } catch {
                failures.status = error.code.status.code
                failures.sentences.append("\(await name(of: id)): \(error.detail)")
            }
        }
        let count = ids.count - failures.sentences.count
        let done = count == 0 ? nil : "\(count) \(count == 1 ? "alert" : "alerts") \(action.done)."
        guard failures.sentences.isEmpty else {
            failures.done = done
            let sentences = [done].compactMap { $0 } + failures.sentences
            return await request.reply(about: sentences, status: failures.status) { [failures] in
                try await page(request, failures)
            }
        }
        return .redirect(request.location, notice: done)
    }

    /// The outcome of an action that failed for some alerts.
    private struct Failures {
        var status: Int
        /// A sentence for each alert.
        var sentences: [String] = []
        /// The sentence about the others.
        var done: String?
    }

    /// Returns the limit of an alert, or its id if there is no such alert.
    private func name(of id: String) async -> String {
        guard Alert.isID(id), let alert = try? await store.alert(id) else { return String(id.prefix(64)) }
        return "\(alert.scope) \(alert.condition)"
    }

    // MARK: - Page

    private func page(_ request: PageRequest, _ failures: Failures? = nil) async throws -> Page {
        let query = try AlertQuery(request.query)
        let scope = query.scope?.foldingCase(of: pages.admin.server.policies.effective.foldedKinds)
        let alerts = try await query.page(of: store, scope: scope)
        let now = await pages.currentTime
        var context: TemplateContext = [
            "action": query.url, "isEmpty": alerts.items.isEmpty, "scope": query.scopeText ?? "",
            "alerts": alerts.items.map { row(of: $0, now: now) },
            "states": AlertQuery.States.allCases.map { states -> TemplateContext in
                ["value": states.rawValue, "label": states.label, "isSelected": states == query.states]
            },
            "severities": Alert.Severity.allCases.map { severity -> TemplateContext in
                [
                    "value": severity.rawValue, "isSelected": severity == query.severity,
                    "label": severity == .warning ? "Warning (80–94 %)" : "Critical (95 % and more)",
                ]
            },
            "isFiltered": query.states != .unresolved || query.severity != nil || query.scope != nil,
        ]
        context["nextPage"] = alerts.next.map { query.url(at: $0) }
        context["firstPage"] = query.cursor.map { _ in query.url(at: nil) }
        if let failures {
            context["failures"] = failures.sentences
            context["done"] = failures.done
        }
        return Page("alerts", title: "Alerts", status: failures?.status ?? 200, context)
    }

    private func row(of alert: Alert, now: Int64) -> TemplateContext {
        let limit = Limit(alert.meter, alert.period, max: alert.max, unit: alert.unit)
        let time = pages.localTime
        var context: TemplateContext = [
            "id": alert.id, "opened": time.context(alert.openedAt, now: now),
            "scope": alert.scope.description, "path": ScopePage.path(of: alert.scope),
            "limit": LimitText.unit(limit, currency: pages.admin.server.policies.effective.currency),
            "used": LimitText.amount(alert.used, limit), "max": LimitText.amount(alert.max, limit),
            "percent": UsageShare(used: alert.used, limit: alert.max).text,
            "source": alert.source, "isShadow": alert.mode == .shadow, "state": alert.state.rawValue,
            "isUnresolved": alert.state != .resolved, "level": Self.level(of: alert),
        ]
        context["severity"] = AlertLevel(alert).rawValue
        context["condition"] = alert.condition
        context["threshold"] = alert.isOfLimit ? alert.threshold : nil
        switch alert.kind {
        case .approachingLimit, .quotaExceeded: break
        case .unknownModel:
            for (key, text) in [("limit", alert.condition), ("used", "–"), ("max", "–"), ("percent", "–")] {
                context[key] = text
            }
        case .drift: context["limit"] = alert.condition
        }
        context["period"] = alert.periodID
        let marks = [("acknowledged", alert.acknowledged), ("resolved", alert.resolved)]
        context["marks"] = marks.compactMap { word, mark -> TemplateContext? in
            mark.map { ["word": word, "by": $0.by, "at": time.context($0.at, now: now)] }
        }
        context["reason"] = alert.reason?.rawValue.replacing("_", with: " ")
        return context
    }

    /// The class of a row. Resolved alerts have none.
    private static func level(of alert: Alert) -> String {
        guard alert.state != .resolved else { return "" }
        return alert.severity == .warning ? "warning" : "danger"
    }
}
