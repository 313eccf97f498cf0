import HTTPTypes
import TollgateAdmin
import TollgateCore
import TollgatePolicy
import TollgateServer
import TollgateStores

/// The forms on the page of a scope: limits, override, reset and reservations.
struct ScopeForms: Sendable {
    let pages: PageServer

    private var page: ScopePage { ScopePage(pages: pages) }

    var routes: [Route] {
        [
            pages.get("/scopes/{scope}") { request in .page(try await page.page(request, try page.scope(of: request)))
            },
            pages.post("/scopes/{scope}/limit") { try await changeLimit($0, isClearing: false) },
            pages.post("/scopes/{scope}/limit/clear") { try await changeLimit($0, isClearing: true) },
            pages.post("/scopes/{scope}/override", grantOverride),
            pages.post("/scopes/{scope}/override/end", endOverride),
            pages.post("/scopes/{scope}/reset", reset),
            pages.post("/scopes/{scope}/reservations/{id}/cancel", cancelReservation),
        ]
    }

    private func changeLimit(_ request: PageRequest, isClearing: Bool) async throws -> PageReply {
        let scope = try page.scope(of: request)
        var form = request.form
        form.set("scope", scope.description)
        let edit = try LimitEdit(form, isClearing: isClearing)
        do {
            try await edit.apply(pages.admin, as: request.caller)
        } catch let failure as LimitEdit.Failure {
            return await request.reply(about: [failure.message], status: failure.status) {
                try await page.page(request, scope, rejected: (edit, failure))
            }
        }
        let notice = edit.text.map { "\(edit.limitName) is now \($0)." } ?? "\(edit.limitName) was cleared."
        return .redirect(ScopePage.path(of: scope), notice: notice)
    }

    // MARK: - Override

    private func grantOverride(_ request: PageRequest) async throws -> PageReply {
        let scope = try page.scope(of: request)
        let form = request.form
        do throws(FormFailure) {
            let body = try await overrideBody(form)
            let version = form["version"].flatMap { Int64($0) } ?? 0
            try await send(
                .put, "/v1/scopes/\(Markup.encoded(scope.description))/override", body: body, ifMatch: version,
                form: "override",
                fields: ["limits": "amount", "add": "amount", "expires_at": "ends", "reason": "reason"],
                request)
        } catch {
            return await request.reply(about: error) { try await page.page(request, scope, failure: error) }
        }
        return .redirect(ScopePage.path(of: scope), notice: "The override is in force.")
    }

    /// Returns the override in JSON: one limit with a new maximum or an amount more, the end and the reason.
    private func overrideBody(_ form: Form) async throws(FormFailure) -> JSONValue {
        var errors: [String: String] = [:]
        let unit = pages.admin.server.policies.effective.moneyUnit
        let limit = form["limit"].flatMap { Limit.parse(name: $0) }
        if limit == nil { errors["limit"] = "Choose a limit such as cost/month." }
        let rule = LimitRule(meter: limit?.meter ?? .tokens, unit: unit)
        if rule.amount(of: form.raw("amount") ?? "") == nil { errors["amount"] = rule.message }
        let end = EndTime(form["ends"] ?? "", after: await pages.currentTime)
        if end == nil { errors["ends"] = EndTime.message }
        if form["reason"] == nil { errors["reason"] = "Say why, for the audit log." }
        guard errors.isEmpty, let limit, let end else { throw FormFailure(form: "override", errors, entered: form) }
        let name = limit.meter.limitName(over: limit.period)
        let amount = JSONValue.string(form.raw("amount") ?? "")
        let number = limit.meter == .cost ? amount : .integer(rule.amount(of: form.raw("amount") ?? "") ?? 0)
        var body: [String: JSONValue] = [
            "expires_at": .string(LocalTime.iso(end.milliseconds)), "reason": .string(form["reason"] ?? ""),
        ]
        if form["change"] == "add" {
            body["add"] = .object([name: number])
        } else if limit.meter == .concurrent {
            body["limits"] = .object([name: number])
        } else {
            body["limits"] = .object([limit.meter.name: .object([limit.period.description: number])])
        }
        return .object(body)
    }

    private func endOverride(_ request: PageRequest) async throws -> PageReply {
        let scope = try page.scope(of: request)
        do throws(FormFailure) {
            let version = request.form["version"].flatMap { Int64($0) }
            try await send(
                .delete, "/v1/scopes/\(Markup.encoded(scope.description))/override", ifMatch: version,
                form: "override", request)
        } catch {
            return await request.reply(about: error) { try await page.page(request, scope, failure: error) }
        }
        return .redirect(ScopePage.path(of: scope), notice: "The override has ended.")
    }

    // MARK: - Reset, reservations

    private func reset(_ request: PageRequest) async throws -> PageReply {
        let scope = try page.scope(of: request)
        let form = request.form
        do throws(FormFailure) {
            guard form.raw("confirmation") == scope.description else {
                let errors = ["confirmation": "Type \(scope) to confirm."]
                throw FormFailure(form: "reset", errors, entered: form)
            }
            let names = form.all("limits")
            guard !names.isEmpty else {
                throw FormFailure(form: "reset", ["limits": "Choose at least one limit."], entered: form)
            }
            try await send(
                .post, "/v1/scopes/\(Markup.encoded(scope.description))/reset",
                body: .object(["limits": .array(names.map { .string($0) })]), form: "reset",
                fields: ["limits": "limits"],
                request)
        } catch {
            return await request.reply(about: error) { try await page.page(request, scope, failure: error) }
        }
        return .redirect(ScopePage.path(of: scope), notice: "The counters were reset.")
    }

    private func cancelReservation(_ request: PageRequest) async throws -> PageReply {
        let scope = try page.scope(of: request)
        do throws(FormFailure) {
            let id = (try? request.request.parameter("id")) ?? ""
            let path = "/v1/scopes/\(Markup.encoded(scope.description))/reservations/\(Markup.encoded(id))"
            try await send(.delete, path, form: "reservation", request)
        } catch {
            return await request.reply(about: error) { try await page.page(request, scope, failure: error) }
        }
        return .redirect(ScopePage.path(of: scope), notice: "The reservation was cancelled.")
    }

    /// Calls the API for the user. Throws its problem as a failure of the form.
    private func send(
        _ method: HTTPRequest.Method, _ path: String, body: JSONValue? = nil, ifMatch version: Int64? = nil,
        form: String,
        fields: [String: String] = [:], _ request: PageRequest
    ) async throws(FormFailure) {
        do throws(Problem) {
            _ = try await pages.admin.send(method, path, body: body, ifMatch: version, as: request.caller)
        } catch {
            var failure = FormFailure(error, form: form, fields: fields, entered: request.form)
            if error.code == .preconditionFailed {
                failure.errors[""] = "Changed meanwhile. The page shows what is in force; send it again to replace it."
            }
            throw failure
        }
    }
}
