import HTTPTypes
import TollgateAdmin
import TollgateCore
import TollgatePolicy
import TollgateServer
import TollgateStores

/// The page `/overrides`: the temporary changes of limits that have not ended, and a form that grants one.
struct OverridePages: Sendable {
    let pages: PageServer

    var routes: [Route] {
        [
            pages.get("/overrides") { request in .page(try await page(request)) },
            pages.post("/overrides", grant),
            pages.post("/overrides/end", end),
        ]
    }

    // MARK: - Changes

    private func grant(_ request: PageRequest) async throws -> PageReply {
        let form = OverrideForm(form: request.form, now: await pages.currentTime)
        do throws(FormFailure) {
            let scope = try scope(request, form: "grant")
            try await edit(scope, request, form: "grant", fields: form.fields).put(try form.body())
            return .redirect("/overrides", notice: "\(scope) has an override.")
        } catch {
            return await request.reply(about: error) { try await page(request, error) }
        }
    }

    private func end(_ request: PageRequest) async throws -> PageReply {
        do throws(FormFailure) {
            let scope = try scope(request, form: "end")
            try await edit(scope, request, form: "end").delete()
            return .redirect("/overrides", notice: "The override of \(scope) has ended.")
        } catch {
            return await request.reply(about: error) { try await page(request, error) }
        }
    }

    private func scope(_ request: PageRequest, form: String) throws(FormFailure) -> Scope {
        do throws(ScopeError) {
            return try Scope(parsing: request.form["scope"] ?? "")
        } catch {
            throw FormFailure(form: form, ["scope": "\(error)"], entered: request.form)
        }
    }

    private func edit(
        _ scope: Scope, _ request: PageRequest, form: String, fields: [String: String] = [:]
    ) -> SettingEdit {
        SettingEdit(
            admin: pages.admin, request: request,
            path: "/v1/scopes/\(Markup.encoded(scope.description))/override", form: form, fields: fields,
            keys: OverrideForm.keys, listPath: Self.list(scope.description))
    }

    /// The path of the API that lists the override of a scope.
    private static func list(_ scope: String) -> String { "/v1/overrides" + Markup.query([("scope", scope)]) }

    // MARK: - Page

    private func page(_ request: PageRequest, _ failure: FormFailure? = nil) async throws -> Page {
        let cursor = request.query["cursor"]
        let now = await pages.currentTime
        let index = pages.admin.server.stores.policy.scopeIndex
        let overrides = try await index.overrides(after: cursor, atMost: 100, now: now)
        var context: TemplateContext = [
            "overrides": overrides.items.map { row(of: $0, now: now) }, "isEmpty": overrides.items.isEmpty,
        ]
        context["nextPage"] = overrides.next.map { "/overrides" + Markup.query([("cursor", $0)]) }
        context["firstPage"] = cursor.map { _ in "/overrides" }
        if request.isAdmin { context["form"] = try await form(request, failure) }
        if let failure, failure.form == "end" { context["ended"] = failure.context(of: []) }
        return Page("overrides", title: "Overrides", status: failure?.status ?? 200, isLive: failure == nil, context)
    }

    /// Returns the values of the form: what was entered, or the override of the scope in the query, which is replaced.
    private func form(_ request: PageRequest, _ failure: FormFailure?) async throws -> TemplateContext {
        var form: TemplateContext = ["version": 0]
        if let failure, failure.form == "grant" {
            form.merge(failure.context(of: OverrideForm.entered))
            let texts = ["limits", "add"].contains { failure.entered[$0] != nil || failure.errors[$0] != nil }
            form["hasTexts"] = texts
        } else if let scope = request.query["scope"] {
            let reply = try await pages.admin.send(.get, Self.list(scope), as: request.caller).value
            form["scope"] = scope
            if let stored = reply.members?["items"]?.items?.first {
                form.merge(OverrideForm.context(of: stored))
            }
            form["isOpen"] = true
        }
        let entered = failure?.entered
        func options(_ field: String, _ values: [String], default first: String) -> [TemplateContext] {
            values.map { ["value": $0, "isSelected": $0 == entered?[field] ?? first] }
        }
        form["changes"] = options("change", ["add", "set"], default: "add")
        form["meters"] = options("meter", Meter.allCases.map(\.name), default: "cost")
        form["periods"] = options("period", OverrideForm.periods, default: "month")
        return form
    }

    private func row(of setting: ScopeSetting<Override>, now: Int64) -> TemplateContext {
        let (scope, override) = (setting.scope.description, setting.item)
        let currency = pages.admin.server.policies.effective.currency
        let changes =
            override.limits.map { LimitText.sentence($0, currency: currency) }
            + override.additions.map { addition in
                let limit = Limit(addition.meter, addition.period, max: addition.amount, unit: addition.unit)
                return "+ \(LimitText.sentence(limit, currency: currency))"
            }
        return [
            "scope": scope, "path": ScopePage.path(of: setting.scope), "changes": changes,
            "editPath": "/overrides" + Markup.query([("scope", scope)]), "version": setting.version,
            "ends": pages.localTime.context(override.expiresAt, now: now), "reason": override.reason,
        ]
    }
}
