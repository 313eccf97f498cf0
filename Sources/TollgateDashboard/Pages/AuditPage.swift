import HTTPTypes
import TollgateAdmin

/// The page `/audit`: the changes by administrators, the newest first.
struct AuditPage: Sendable {
    let pages: PageServer

    var routes: [Route] { [pages.get("/audit", show)] }

    /// The number of changes of a page.
    private static let size = 50

    private func show(_ request: PageRequest) async throws -> PageReply {
        let cursor = request.query["cursor"]
        let query = [("limit", "\(Self.size)")] + (cursor.map { [("cursor", $0)] } ?? [])
        let reply = try await pages.admin.send(.get, "/v1/audit" + Markup.query(query), as: request.caller).value
        let entries = reply.members?["items"]?.items ?? []
        let now = await pages.currentTime
        var context: TemplateContext = [
            "entries": entries.compactMap { $0.members.map { row(of: $0, now: now) } }, "isEmpty": entries.isEmpty,
        ]
        context["nextPage"] = reply.members?["next"]?.text.map { "/audit" + Markup.query([("cursor", $0)]) }
        context["firstPage"] = cursor.map { _ in "/audit" }
        return .page(Page("audit", title: "Audit", context))
    }

    private func row(of entry: [String: JSONValue], now: Int64) -> TemplateContext {
        func value(_ key: String) -> JSONValue? { entry[key].flatMap { $0 == .null ? nil : $0 } }
        let diff = LineDiff(value("before"), value("after"))
        var context: TemplateContext = [
            "id": entry["id"]?.text ?? "", "who": entry["who"]?.text ?? "", "from": entry["from"]?.text ?? "",
            "what": entry["action"]?.text ?? "", "target": entry["target"]?.text ?? "", "diff": diff.context(),
            "hasDiff": !diff.lines.isEmpty,
        ]
        context["at"] = pages.localTime.context(entry["at"]?.text, now: now)
        if case .integer(let version) = entry["version"] { context["version"] = version }
        return context
    }
}
