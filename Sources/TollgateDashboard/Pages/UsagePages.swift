import TollgateAdmin
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateServer
import TollgateStores

/// The page `/usage`: a row for each scope of a kind, with its usage and a limit that can be set in the row.
struct UsagePages: Sendable {
    let pages: PageServer
    /// Limits the load on Redis to one page at a time, however many browsers are open.
    private let turns = Turns()

    init(pages: PageServer) {
        self.pages = pages
    }

    var routes: [Route] {
        [
            pages.get("/usage") { request in .page(try await page(request)) },
            pages.post("/usage", setLimit),
        ]
    }

    private var sidecar: Sidecar { pages.admin.server }

    /// A limit that could not be set, for its row.
    private struct Rejected {
        var edit: LimitEdit
        var failure: LimitEdit.Failure
    }

    private func setLimit(_ request: PageRequest) async throws -> PageReply {
        let edit = try LimitEdit(request.form)
        do {
            try await edit.apply(pages.admin, as: request.caller)
        } catch let failure as LimitEdit.Failure {
            return await request.reply(about: [failure.message], status: failure.status) {
                try await page(request, Rejected(edit: edit, failure: failure))
            }
        }
        return .redirect(
            request.location, notice: "\(edit.scope): \(edit.limitName) is now \(edit.text ?? "").")
    }

    // MARK: - Page

    private func page(_ request: PageRequest, _ rejected: Rejected? = nil) async throws -> Page {
        let kind = try kind(request.query)
        let query = UsageQuery(request.query, kind: kind)
        let table = try await turns.next { try await UsageTable.read(query, from: sidecar) }
        var context = toolbar(query)
        context["rows"] = table.rows.map { row(of: $0, rejected) }
        context["isEmpty"] = table.rows.isEmpty
        context["nextPage"] = table.next.map { next in query.url { $0.cursor = next } }
        context["firstPage"] = query.cursor.map { _ in query.url { _ in } }
        context["hasHistory"] = sidecar.policies.effective.hasHistory(kind)
        context["currency"] = sidecar.policies.effective.currency
        context["action"] = query.url
        // The row may have moved to another page of the list meanwhile, and a limit of an override has no form.
        let own = table.rows.first { $0.scope == rejected?.edit.scope }
        if let rejected, own == nil || own?.item?.limit.source == .override {
            var field = LimitField(id: "rejected-limit", in: sidecar.policies.effective)
            field.reject(rejected.edit, rejected.failure)
            context["rejected"] =
                ["scope": rejected.edit.scope.description, "limit": rejected.edit.limitName, "field": field.context]
                as TemplateContext
        }
        return Page("usage", title: "Usage by \(kind)", status: rejected?.failure.status ?? 200, context)
    }

    /// Returns the kind in the query, or else that of users.
    private func kind(_ query: Form) throws(Problem) -> ScopeKind {
        do throws(ScopeError) {
            return try ScopeKind(parsing: query["kind"] ?? "user")
        } catch {
            throw .badRequest("kind: \(error)")
        }
    }

    private func toolbar(_ query: UsageQuery) -> TemplateContext {
        let policy = sidecar.policies.effective
        // The usual kinds, and every kind that has limits.
        var kinds = ScopeKind.usual.compactMap { try? ScopeKind(parsing: $0) }.filter { policy.hasHistory($0) }
        kinds += policy.limitedKinds.filter { $0 != .global && !kinds.contains($0) }
            .sorted { $0.description < $1.description }
        if !kinds.contains(query.kind) { kinds.append(query.kind) }
        var context: TemplateContext = [
            "kind": query.kind.description,
            "kinds": kinds.map { kind -> TemplateContext in
                let url = query.url {
                    $0.kind = kind
                    $0.prefix = nil
                }
                return ["label": kind.description, "path": url, "isCurrent": kind == query.kind]
            },
            "meters": UsageQuery.MeterChoice.all.map { choice -> TemplateContext in
                ["value": choice.name, "label": choice.label, "isSelected": choice == query.meter]
            },
            "periods": [["value": "", "label": "any period", "isSelected": query.period == nil] as TemplateContext]
                + UsageQuery.periods.map { period -> TemplateContext in
                    [
                        "value": period.description, "label": period.description,
                        "isSelected": period == query.period,
                    ]
                },
            "spans": UsageQuery.Span.allCases.map { span -> TemplateContext in
                ["value": span.rawValue, "label": span.label, "isSelected": span == query.span]
            },
        ]
        // Mustache takes an empty text for true.
        context["prefix"] = query.prefix
        if let sort = query.sort {
            context["sort"] = sort.rawValue
            context["order"] = query.isAscending ? "ascending" : "descending"
        }
        context["columns"] = Self.columns(query, currency: policy.currency)
        context["newScope"] = "/scopes/new" + Markup.query([("kind", query.kind.description)])
        return context
    }

    private static func columns(_ query: UsageQuery, currency: String) -> [TemplateContext] {
        let labels: [(UsageQuery.Column, String)] = [
            (.scope, "Scope"), (.requests, "Requests"), (.input, "Input"), (.output, "Output"), (.tokens, "Tokens"),
            (.cost, "Total Cost (\(currency))"), (.usage, "Usage %"),
        ]
        return labels.map { column, label in
            [
                "label": label, "path": query.url(sortedBy: column), "isNumber": column != .scope,
                "sort": query.sort == column ? (query.isAscending ? "ascending" : "descending") : "none",
                "mark": query.sort == column ? (query.isAscending ? " ▲" : " ▼") : "",
            ]
        }
    }

    // MARK: - Rows

    private func row(of row: UsageRow, _ rejected: Rejected?) -> TemplateContext {
        let scope = row.scope.description
        let share = row.share
        var context: TemplateContext = [
            "key": scope, "scope": scope,
            "name": row.scope.parts.isEmpty ? "global" : row.scope.parts.map(\.id).joined(separator: " + "),
            "path": ScopePage.path(of: row.scope), "level": share.level.cssClass, "percent": share.text,
            "bar": share.barWidth, "hasLimit": row.item != nil,
        ]
        let unit = sidecar.policies.effective.moneyUnit
        func amount(_ meter: HistoryMeter) -> String {
            guard let amounts = row.amounts else { return "–" }
            return meter == .cost
                ? NumberText.money(amounts[.cost], in: unit) : NumberText.grouped(amounts[meter])
        }
        context["requests"] = amount(.requests)
        context["input"] = amount(.inputTokens)
        context["output"] = amount(.outputTokens)
        context["tokens"] = amount(.tokens)
        context["cost"] = amount(.cost)
        if let item = row.item { context.merge(limit(of: item, in: row.calendar)) { _, new in new } }
        if row.item?.limit.source == .override {
            context["isOverridden"] = true
        } else {
            context["form"] = form(of: row, rejected.flatMap { $0.edit.scope == row.scope ? $0 : nil })
        }
        return context
    }

    private func limit(of item: ScopeUsage.Item, in calendar: CalendarRules) -> TemplateContext {
        let limit = item.limit.limit
        var context: TemplateContext = ["period": limit.period.description, "meter": limit.meter.name]
        context["limit"] = limit.max.map { LimitText.amount($0, limit) }
        context["unit"] = LimitText.unit(limit, currency: sidecar.policies.effective.currency)
        context["held"] = item.held == 0 ? "0" : LimitText.amount(item.held, limit)
        context["isShadow"] = limit.mode == .shadow
        if let resetsAt = item.resetsAt {
            let isForeign = calendar.timeZone != sidecar.policies.effective.calendar.timeZone
            context["resets"] = LocalTime(calendar).context(resetsAt, now: PageServer.now * 1_000)
            context["resetsZone"] = isForeign ? calendar.timeZone : nil
        }
        return context
    }

    private func form(of row: UsageRow, _ rejected: Rejected?) -> TemplateContext {
        let policy = sidecar.policies.effective
        let id = "limit-\(Markup.encoded(row.scope.description))"
        var field =
            if let item = row.item { LimitField(id: id, of: item.limit.limit, in: policy) } else {
                LimitField(id: id, in: policy)
            }
        if let rejected { field.reject(rejected.edit, rejected.failure) }
        return field.context
    }
}
