import HTTPTypes
import TollgateAdmin
import TollgateCore
import TollgatePolicy
import TollgateServer
import TollgateStores

/// The pages `/tiers` and `/tiers/{id}`: the tiers of the policy file and of administrators, and the form of one.
struct TierPages: Sendable {
    let pages: PageServer

    var routes: [Route] {
        [
            pages.get("/tiers") { request in .page(try await list(request)) },
            pages.post("/tiers", create),
            pages.get("/tiers/{id}") { request in .page(try await tier(request.parameter("id"), request)) },
            pages.post("/tiers/{id}", replace),
            pages.post("/tiers/{id}/delete", delete),
        ]
    }

    /// The maximum number of assignments that the list counts.
    private static let maxAssignments = 1_000
    /// The maximum number of assignments that are listed for a tier.
    private static let maxListed = 5

    private func edit(_ id: String, _ request: PageRequest, form: String) -> SettingEdit {
        SettingEdit(
            admin: pages.admin, request: request, path: "/v1/tiers/\(Markup.encoded(id))", form: form,
            fields: TierForm.fields, keys: TierForm.keys)
    }

    // MARK: - Changes

    private func create(_ request: PageRequest) async throws -> PageReply {
        let id = request.form["id"] ?? ""
        do throws(FormFailure) {
            do throws(ScopeError) {
                try Tier.validate(id: id)
            } catch {
                throw FormFailure(form: "create", ["id": "\(error)"], entered: request.form)
            }
            let body = try TierForm.body(request.form, named: "create")
            try await edit(id, request, form: "create").put(body)
        } catch {
            // The tier exists: its own page shows both versions.
            guard error.conflict == nil else {
                return await request.reply(about: error) { try await tier(id, request, error) }
            }
            return await request.reply(about: error) { try await list(request, error) }
        }
        return .redirect("/tiers/\(Markup.encoded(id))", notice: "\(id) was created.")
    }

    private func replace(_ request: PageRequest) async throws -> PageReply {
        let id = try request.parameter("id")
        do throws(FormFailure) {
            let body = try TierForm.body(request.form, named: "edit")
            try await edit(id, request, form: "edit").put(body)
        } catch {
            return await request.reply(about: error) { try await tier(id, request, error) }
        }
        return .redirect("/tiers/\(Markup.encoded(id))", notice: "\(id) was saved.")
    }

    private func delete(_ request: PageRequest) async throws -> PageReply {
        let id = try request.parameter("id")
        do throws(FormFailure) {
            guard request.form["confirm"] == id else {
                throw FormFailure(form: "delete", ["confirm": "Type \(id) to confirm."], entered: request.form)
            }
            try await edit(id, request, form: "delete").delete()
        } catch {
            return await request.reply(about: error) { try await tier(id, request, error) }
        }
        return .redirect("/tiers", notice: "\(id) was deleted.")
    }

    // MARK: - List

    private func list(_ request: PageRequest, _ failure: FormFailure? = nil) async throws -> Page {
        let shared = try await pages.admin.server.stores.policy.shared()
        let policy = pages.admin.server.policies.file.merged(with: shared.policy)
        let users = try await users(request)
        var context: TemplateContext = [
            "tiers": policy.tiers.values.sorted { $0.tier.id < $1.tier.id }.map { entry -> TemplateContext in
                var row = users.context(of: entry.tier.id)
                row["id"] = entry.tier.id
                row["name"] = entry.tier.name
                row["description"] = entry.tier.description
                row["path"] = "/tiers/\(Markup.encoded(entry.tier.id))"
                row["limits"] = entry.tier.limits.map { LimitText.sentence($0, currency: policy.currency) }
                row["origin"] = entry.origin.rawValue
                row["isDisabled"] = !entry.tier.isEnabled
                return row
            },
            "isEmpty": policy.tiers.isEmpty, "hasMoreAssignments": users.hasMore,
        ]
        context["form"] =
            failure?.context(of: TierForm.keys.union(["id", "version"])) ?? [
                "enabled": "on", "limits": "{}", "version": 0,
            ] as TemplateContext
        return Page(
            "tiers", title: "Tiers", status: failure?.status ?? 200, isLive: failure == nil, context)
    }

    /// The assignments of each tier.
    private struct Users {
        var subjects: [String: [String]] = [:]
        /// Whether there are more assignments than were read.
        var hasMore = false

        func context(of tier: String) -> TemplateContext {
            let subjects = subjects[tier] ?? []
            let more = subjects.count - TierPages.maxListed
            var context: TemplateContext = ["subjects": Array(subjects.prefix(TierPages.maxListed))]
            if more > 0 { context["more"] = more }
            return context
        }
    }

    private func users(_ request: PageRequest) async throws -> Users {
        let path = "/v1/assignments?limit=\(Self.maxAssignments)"
        let reply = try await pages.admin.send(.get, path, as: request.caller).value
        var users = Users(hasMore: reply.members?["next"]?.text != nil)
        for item in reply.members?["items"]?.items ?? [] {
            guard let tier = item.members?["tier"]?.text, let subject = item.members?["id"]?.text else { continue }
            users.subjects[tier, default: []].append(subject)
        }
        return users
    }

    // MARK: - One tier

    private func tier(_ id: String, _ request: PageRequest, _ failure: FormFailure? = nil) async throws -> Page {
        let reply: LocalAdmin.Reply?
        do throws(Problem) {
            reply = try await pages.admin.send(.get, "/v1/tiers/\(Markup.encoded(id))", as: request.caller)
        } catch {
            // A tier that was deleted meanwhile is shown with what the user entered.
            guard error.code == .notFound, failure != nil else { throw error }
            reply = nil
        }
        let members = reply?.value.members ?? [:]
        let version: Int64 = if case .integer(let number) = members["version"] { number } else { 0 }
        var context: TemplateContext = [
            "id": id, "path": "/tiers/\(Markup.encoded(id))", "canDelete": version > 0 || failure?.form == "delete",
            "edit": TierForm.context(of: reply?.value ?? .null, version: version),
            "delete": ["version": version] as TemplateContext, "limits": members["limits"]?.indented ?? "",
        ]
        context["origin"] = members["origin"]?.text
        if version > 0 { context["version"] = version }
        if let failure, failure.form == "delete" {
            context["delete"] = failure.context(of: ["confirm", "version"])
        } else if let failure {
            context["edit"] = failure.context(of: TierForm.keys.union(["version"]))
        }
        var subjects = try await users(request).context(of: id)
        subjects["isUsed"] = (subjects["subjects"] as? [String])?.isEmpty == false
        context["users"] = subjects
        return Page(
            "tier", title: "Tier \(id)", section: "tiers", status: failure?.status ?? 200, isLive: false, context)
    }
}

extension PageRequest {
    /// Returns a parameter of the path, decoded.
    func parameter(_ name: String) throws(Problem) -> String { try request.parameter(name) }
}
