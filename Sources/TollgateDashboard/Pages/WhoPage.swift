import HTTPTypes
import TollgateAdmin
import TollgateCore
import TollgatePolicy
import TollgateServer

/// The page `/who`: which limits a user has, and why.
struct WhoPage: Sendable {
    let pages: PageServer

    var routes: [Route] { [pages.get("/who", show)] }

    private func show(_ request: PageRequest) async throws -> PageReply {
        let query = request.query
        var form: TemplateContext = [:]
        for field in ["user", "roles", "email"] { form[field] = query[field] ?? "" }
        var context: TemplateContext = ["form": form]
        guard let user = query["user"] else {
            return .page(Page("who", title: "Who", isLive: false, context))
        }
        let traits = ["roles", "email"].compactMap { name in query[name].map { (name: name, value: $0) } }
        let path = "/v1/users/\(Markup.encoded(Self.id(in: user)))" + Markup.query(traits)
        do throws(Problem) {
            let reply = try await pages.admin.send(.get, path, as: request.caller)
            context["answer"] = answer(reply.value.members ?? [:], now: await pages.currentTime)
            return .page(Page("who", title: "Who", context))
        } catch {
            context["error"] = error.detail
            return .page(Page("who", title: "Who", status: error.code.status.code, isLive: false, context))
        }
    }

    /// Returns the id in `alice`, `user:alice` or `user=alice`.
    private static func id(in text: String) -> String {
        guard let scope = try? Scope(parsing: text), scope.parts.count == 1, scope.parts[0].kind == "user" else {
            return text
        }
        return scope.parts[0].id
    }

    // MARK: - Answer

    private func answer(_ answer: [String: JSONValue], now: Int64) -> TemplateContext {
        let scope = answer["scope"]?.text ?? ""
        var context: TemplateContext = ["scope": scope, "path": "/scopes/\(Markup.encoded(scope))"]
        if let tier = answer["tier"]?.members {
            context["tier"] = Self.choice(tier, id: tier["via"]?.text, tier: tier["id"]?.text)
        }
        // The first candidate is the winner.
        let candidates = answer["candidates"]?.items?.dropFirst() ?? []
        let others =
            candidates.map { ($0, "a lower priority, or the same and later") }
            + (answer["skipped"]?.items ?? []).map { ($0, Self.reason($0.members?["reason"]?.text)) }
        context["others"] = others.map { item, reason -> TemplateContext in
            let members = item.members ?? [:]
            var row = Self.choice(members, id: members["id"]?.text, tier: members["tier"]?.text)
            row["reason"] = reason
            return row
        }
        context["hasOthers"] = !others.isEmpty
        context["limits"] = (answer["limits"]?.items ?? []).map { limit($0.members ?? [:], now: now) }
        if let override = answer["override"]?.members {
            var row: TemplateContext = ["reason": override["reason"]?.text ?? ""]
            row["ends"] = pages.localTime.context(override["expires_at"]?.text, now: now)
            context["override"] = row
        }
        context["calendar"] = Self.calendar(answer["calendar"]?.members ?? [:])
        return context
    }

    private static func choice(_ members: [String: JSONValue], id: String?, tier: String?) -> TemplateContext {
        var context: TemplateContext = [
            "subject": id ?? "", "tier": tier ?? "", "path": "/tiers/\(Markup.encoded(tier ?? ""))",
            "priority": members["priority"]?.compact ?? "", "origin": members["origin"]?.text ?? "",
        ]
        context["name"] = members["name"]?.text
        return context
    }

    private static func reason(_ word: String?) -> String {
        switch word {
        case "assignment_disabled": "the assignment is disabled"
        case "tier_disabled": "the tier is disabled"
        case "tier_missing": "there is no such tier"
        default: word ?? ""
        }
    }

    private static func calendar(_ members: [String: JSONValue]) -> String {
        let hour = members["reset_hour"]?.compact ?? ""
        let day = members["billing_day"]?.compact ?? ""
        return "\(members["timezone"]?.text ?? ""), days from \(hour):00, months from day \(day)"
    }

    private func limit(_ item: [String: JSONValue], now: Int64) -> TemplateContext {
        func amount(_ key: String) -> String? {
            switch item[key] {
            case .integer(let number): NumberText.grouped(number)
            case .string(let text): text
            default: nil
            }
        }
        var context: TemplateContext = [
            "limit": item["limit"]?.text ?? "", "used": amount("used") ?? "", "held": amount("held") ?? "",
            "source": item["source"]?.text ?? "", "origin": item["origin"]?.text ?? "",
            "isShadow": item["mode"]?.text == "shadow", "max": amount("max") ?? "No Limit",
            "remaining": amount("remaining") ?? "–",
        ]
        let share = share(item)
        context["percent"] = share.text
        context["bar"] = share.barWidth
        context["level"] = share.level.cssClass
        context["resets"] = pages.localTime.context(item["resets_at"]?.text, now: now)
        return context
    }

    /// The share of a limit. Money is text in the API.
    private func share(_ item: [String: JSONValue]) -> UsageShare {
        let unit = pages.admin.server.policies.effective.moneyUnit
        func number(_ key: String) -> Int64? {
            switch item[key] {
            case .integer(let number): number
            case .string(let text): try? unit.amount(parsing: text.utf8)
            default: nil
            }
        }
        return UsageShare(used: number("used") ?? 0, limit: number("max"))
    }
}
