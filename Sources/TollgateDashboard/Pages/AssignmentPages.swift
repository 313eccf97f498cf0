import HTTPTypes
import TollgateAdmin
import TollgateCore
import TollgatePolicy
import TollgateServer

/// The pages `/assignments` and `/assignments/{id}`: which users, roles and domains have which tier, and the form of
/// one assignment.
struct AssignmentPages: Sendable {
    let pages: PageServer

    var routes: [Route] {
        [
            pages.get("/assignments") { request in .page(try await list(request)) },
            pages.post("/assignments", create),
            pages.get("/assignments/{id}") { request in
                .page(try await assignment(request.parameter("id"), request))
            },
            pages.post("/assignments/{id}", replace),
            pages.post("/assignments/{id}/delete", delete),
        ]
    }

    private static let fields = ["tier": "tier", "priority": "priority", "enabled": "enabled"]

    private func edit(_ id: String, _ request: PageRequest, form: String) -> SettingEdit {
        SettingEdit(
            admin: pages.admin, request: request, path: "/v1/assignments/\(Markup.encoded(id))", form: form,
            fields: Self.fields, keys: Set(Self.fields.keys))
    }

    private static func path(of id: String) -> String { "/assignments/\(Markup.encoded(id))" }

    // MARK: - Changes

    private func create(_ request: PageRequest) async throws -> PageReply {
        var id = ""
        do throws(FormFailure) {
            id = try Self.subject(request.form).id
            try await edit(id, request, form: "create").put(Self.body(request.form))
        } catch {
            // The assignment exists: its own page shows both versions.
            guard error.conflict == nil else {
                return await request.reply(about: error) { try await assignment(id, request, error) }
            }
            return await request.reply(about: error) { try await list(request, error) }
        }
        return .redirect("/assignments", notice: "\(id) has the tier \(request.form["tier"] ?? "").")
    }

    private func replace(_ request: PageRequest) async throws -> PageReply {
        let id = try request.parameter("id")
        do throws(FormFailure) {
            try await edit(id, request, form: "edit").put(Self.body(request.form))
        } catch {
            return await request.reply(about: error) { try await assignment(id, request, error) }
        }
        return .redirect("/assignments", notice: "\(id) has the tier \(request.form["tier"] ?? "").")
    }

    private func delete(_ request: PageRequest) async throws -> PageReply {
        let id = try request.parameter("id")
        do throws(FormFailure) {
            try await edit(id, request, form: "delete").delete()
        } catch {
            return await request.reply(about: error) { try await assignment(id, request, error) }
        }
        return .redirect("/assignments", notice: "\(id) is not assigned any more.")
    }

    private static func subject(_ form: Form) throws(FormFailure) -> Assignment.Subject {
        let kind = form["kind"] ?? ""
        guard kind != "default" else {
            guard form["name"] == nil else {
                let sentence = "The default is for everyone, and takes no name. Leave this empty."
                throw FormFailure(form: "create", ["name": sentence], entered: form)
            }
            return .everyone
        }
        do throws(ScopeError) {
            return try Assignment.Subject(kind: kind, name: form["name"] ?? "")
        } catch {
            throw FormFailure(form: "create", ["name": "\(error)"], entered: form)
        }
    }

    private static func body(_ form: Form) -> JSONValue {
        var members: [String: JSONValue] = ["enabled": .bool(form["enabled"] != nil)]
        members["tier"] = form["tier"].map { .string($0) }
        members["priority"] = form["priority"].map { text in Int64(text).map { .integer($0) } ?? .string(text) }
        return .object(members)
    }

    // MARK: - List

    private func list(_ request: PageRequest, _ failure: FormFailure? = nil) async throws -> Page {
        let cursor = request.query["cursor"]
        let path = "/v1/assignments" + Markup.query([("limit", "100")] + (cursor.map { [("cursor", $0)] } ?? []))
        let reply = try await pages.admin.send(.get, path, as: request.caller).value.members ?? [:]
        let items = reply["items"]?.items ?? []
        var context: TemplateContext = [
            "assignments": items.compactMap { $0.members.map(Self.row) }, "isEmpty": items.isEmpty,
            "tiers": tiers,
        ]
        context["nextPage"] = reply["next"]?.text.map { "/assignments" + Markup.query([("cursor", $0)]) }
        context["firstPage"] = cursor.map { _ in "/assignments" }
        var form =
            failure?.context(of: Self.fields.keys + ["name", "version"]) ?? ["enabled": "on", "version": 0]
            as TemplateContext
        form["kinds"] = ["user", "role", "email_domain", "default"].map { kind -> TemplateContext in
            ["value": kind, "isSelected": kind == failure?.entered["kind"] ?? "user"]
        }
        context["form"] = form
        return Page(
            "assignments", title: "Assignments", status: failure?.status ?? 200, isLive: failure == nil, context)
    }

    private static func row(of item: [String: JSONValue]) -> TemplateContext {
        let (id, tier) = (item["id"]?.text ?? "", item["tier"]?.text ?? "")
        var context: TemplateContext = [
            "id": id, "path": path(of: id), "tier": tier, "tierPath": "/tiers/\(Markup.encoded(tier))",
            "priority": number(item["priority"]) ?? "", "origin": item["origin"]?.text ?? "",
            "isDisabled": item["enabled"] == .bool(false),
        ]
        if item["type"]?.text == "user", let name = item["subject"]?.text {
            context["whoPath"] = "/who" + Markup.query([("user", Scope.text(of: .init(kind: "user", id: name)))])
        }
        return context
    }

    private static func number(_ value: JSONValue?) -> String? {
        if case .integer(let number) = value { "\(number)" } else { nil }
    }

    /// The ids of all tiers, to choose from.
    private var tiers: [String] {
        pages.admin.server.policies.effective.tiers.keys.sorted()
    }

    // MARK: - One assignment

    private func assignment(
        _ id: String, _ request: PageRequest, _ failure: FormFailure? = nil
    ) async throws -> Page {
        let members: [String: JSONValue]?
        do throws(Problem) {
            let path = "/v1/assignments/\(Markup.encoded(id))"
            members = try await pages.admin.send(.get, path, as: request.caller).value.members
        } catch {
            // An assignment that was deleted meanwhile is shown with what the user entered.
            guard error.code == .notFound, failure != nil else { throw error }
            members = nil
        }
        let version = Self.number(members?["version"])
        var edit: TemplateContext = ["version": version ?? "0"]
        edit["tier"] = members?["tier"]?.text
        edit["priority"] = Self.number(members?["priority"])
        if members?["enabled"] != .bool(false) { edit["enabled"] = "on" }
        var context: TemplateContext = [
            "id": id, "path": Self.path(of: id), "canDelete": version != nil || failure?.form == "delete", "edit": edit,
            "tiers": tiers,
            "delete": ["version": version ?? "0"],
        ]
        context["origin"] = members?["origin"]?.text
        context["version"] = version
        context["current"] = members.map(Self.row)
        if let failure, failure.form == "delete" {
            context["delete"] = failure.context(of: ["version"])
        } else if let failure {
            context["edit"] = failure.context(of: Self.fields.keys + ["version"])
        }
        return Page(
            "assignment", title: "Assignment of \(id)", section: "assignments", status: failure?.status ?? 200,
            isLive: false, context)
    }
}
