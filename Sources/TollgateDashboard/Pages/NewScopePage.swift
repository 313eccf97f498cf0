import TollgateAdmin
import TollgateCore
import TollgatePolicy
import TollgateServer
import TollgateStores

/// The page `/scopes/new`, which sets the first limit of a scope that does not exist yet, and the look-up of its id while
/// the user types.
struct NewScopePage: Sendable {
    let pages: PageServer

    var routes: [Route] {
        [
            pages.get("/scopes/new") { request in .page(try await page(request)) },
            pages.get("/scopes/lookup") { request in
                .json(try await answer(kind: request.query["kind"] ?? "", id: request.query.raw("id") ?? ""))
            },
            pages.post("/scopes/new", create),
            // By POST, because the form's token would be in the URL otherwise.
            pages.post("/scopes/new/lookup") { request in
                let fields = ["kind", "id"].map { (name: $0, value: request.form.raw($0) ?? "") }
                return .redirect("/scopes/new" + Markup.query(fields))
            },
        ]
    }

    private var sidecar: Sidecar { pages.admin.server }

    /// The answer to a look-up.
    private struct Answer: Encodable {
        enum State: String, Encodable {
            case new
            case exists
            case invalid
        }

        var state: State
        var message: String
        /// The page of a scope that exists.
        var href: String?
        /// The scope, unless it is invalid.
        var scope: Scope?

        enum CodingKeys: String, CodingKey {
            case state, message, href
        }
    }

    /// Looks up a scope. It exists if it has counters or settings, is in the policy file, or has been seen.
    private func answer(kind: String, id: String) async throws -> Answer {
        let scope: Scope
        do throws(ScopeError) {
            let named = try Scope(parts: [.init(kind: kind, id: id)])
            let kinds = sidecar.policies.effective.knownKinds
            if let (unknown, standing) = kinds.firstUnknown(in: named.kind), standing == .unknown {
                return Answer(state: .invalid, message: "\(unknown): \(kinds.explanation(of: unknown))")
            }
            scope = named.foldingCase(of: kinds.folded)
        } catch {
            return Answer(state: .invalid, message: "\(error)")
        }
        let isStored = try await sidecar.stores.policy.exists(scope)
        guard !isStored, sidecar.policies.file.scopes[scope] == nil else {
            return Answer(
                state: .exists, message: "\(scope) exists already.",
                href: ScopePage.path(of: scope), scope: scope)
        }
        return Answer(state: .new, message: "\(scope) is new.", scope: scope)
    }

    // MARK: - Page

    private func page(_ request: PageRequest, _ failure: FormFailure? = nil) async throws -> Page {
        let policy = sidecar.policies.effective
        let source = failure?.entered ?? request.query
        let kind = source["kind"] ?? "tenant"
        let id = source.raw("id") ?? ""
        let answer = id.isEmpty ? nil : try await answer(kind: kind, id: id)
        var field = LimitField(id: "max", in: policy)
        if let entered = failure?.entered {
            field.meter = entered["meter"].flatMap { Meter(name: $0) } ?? .tokens
            field.firstPeriod = entered["period"].flatMap { try? Period(parsing: $0) } ?? .month
            field.value = entered.raw("max") ?? ""
            field.error = failure?.errors["max"]
        }
        let kinds = ScopeKind.usual.filter { $0 != "global" } + policy.kinds.sorted()
        var context: TemplateContext = [
            "kinds": Self.unique(kinds + [kind]).map { ["name": $0, "isSelected": $0 == kind] as TemplateContext },
            "id": id, "answer": answer?.message ?? "", "isNew": answer?.state == .new,
            "isInvalid": answer?.state == .invalid, "field": field.context,
        ]
        // Mustache takes an empty text for true.
        context["href"] = answer?.href
        return Page(
            "new-scope", title: "New \(kind)", section: "usage", status: failure?.status ?? 200, isLive: false, context)
    }

    private static func unique(_ words: [String]) -> [String] {
        words.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    // MARK: - Creation

    private func create(_ request: PageRequest) async throws -> PageReply {
        let form = request.form
        let answer = try await answer(kind: form["kind"] ?? "", id: form.raw("id") ?? "")
        guard answer.state == .new, let scope = answer.scope else {
            let status = answer.state == .exists ? 409 : 422
            return .page(try await page(request, FormFailure(form: "scope", status: status, [:], entered: form)))
        }
        var fields = form
        fields.set("scope", scope.description)
        fields.set("seen", try await limitInForce(of: scope, form))
        let edit = try LimitEdit(fields)
        do {
            try await edit.apply(pages.admin, as: request.caller)
        } catch let failure as LimitEdit.Failure {
            let failed = FormFailure(form: "scope", status: failure.status, ["max": failure.message], entered: form)
            return await request.reply(about: failed) { try await page(request, failed) }
        }
        // The limit is set, so a failure to list the scope is ignored.
        try? await sidecar.stores.policy.noteSeen(scope, at: await sidecar.redisTime)
        return .redirect(
            ScopePage.path(of: scope),
            notice: "\(scope) has the limit \(edit.limitName) of \(edit.text ?? "") now.")
    }

    /// The default limit that the new one replaces. The form does not show it.
    private func limitInForce(of scope: Scope, _ form: Form) async throws -> String {
        let rules = sidecar.policies.effective.rules(for: scope, at: await sidecar.redisTime)
        let limit = rules.limits.first { $0.limit.name == "\(form["meter"] ?? "")/\(form["period"] ?? "")" }?.limit
        return limit.flatMap { limit in limit.max.map { limit.text($0) } } ?? ""
    }
}
