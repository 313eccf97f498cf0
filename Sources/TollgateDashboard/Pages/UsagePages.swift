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
    private let rendered = RenderedRows()
    /// The number of pages that may wait for their turn. Pages whose browser has closed the connection are among them.
    private static let maxWaiting = 64

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
        var query = UsageQuery(request.query, kind: kind)
        if let rejected { query.edited = rejected.edit.scope }
        // Not asked for again in each row.
        let policy = sidecar.policies.effective
        query.edited = query.edited?.foldingCase(of: policy.foldedKinds)
        let table = try await turns.next(maxWaiting: Self.maxWaiting) { [query] in
            try await UsageTable.read(query, from: sidecar)
        }
        guard let table else { throw Problem(.busy, "too many browsers ask for this page; try again in some seconds") }
        let isAdmin = request.isAdmin
        var context = toolbar(query)
        context["rows"] = rows(of: table, query, policy, isAdmin: isAdmin, rejected)
        context["isEmpty"] = table.rows.isEmpty
        context["nextPage"] = table.next.map { next in query.url { $0.cursor = next } }
        context["firstPage"] = query.cursor.map { _ in query.url { _ in } }
        context["hasHistory"] = policy.hasHistory(kind)
        context["currency"] = policy.currency
        context["action"] = query.url(editing: nil)
        if isAdmin { context["form"] = try await separateForm(query, policy, table, rejected) }
        return Page("usage", title: "Usage by \(kind)", status: rejected?.failure.status ?? 200, context)
    }

    /// Returns the form of a scope that has none in its row: the row may have moved to another page of the list
    /// meanwhile, or an override came into force. Nil if no form is missing.
    private func separateForm(
        _ query: UsageQuery, _ policy: Policy, _ table: UsageTable, _ rejected: Rejected?
    ) async throws -> TemplateContext? {
        guard let scope = query.edited else { return nil }
        let row = table.rows.first { $0.scope == scope }
        if let row, !row.isOverridden || rejected == nil { return nil }
        var field = query.newLimit(id: "limit", in: policy)
        if let rejected {
            field.reject(rejected.edit, rejected.failure)
        } else if let usage = try await sidecar.readings(of: [scope], .calendar).first?.usage,
            let item = UsageRow.limit(of: query.meter, over: query.period, in: usage)
        {
            if item.limit.source == .override { return nil }
            field = LimitField(id: "limit", of: item.limit.limit, in: policy)
        }
        field.isFocused = true
        return [
            "scope": scope.description, "limit": rejected?.edit.limitName ?? "Set limit", "field": field.context,
            "done": query.url(editing: nil),
        ]
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

    /// Returns the rows as rendered text, and the one with an open form as values.
    private func rows(
        of table: UsageTable, _ query: UsageQuery, _ policy: Policy, isAdmin: Bool, _ rejected: Rejected?
    ) -> [TemplateContext] {
        var resets = ResetTexts(now: PageServer.now * 1_000, timeZone: policy.calendar.timeZone)
        // What the text of a row depends on besides the row itself. Times show the year if it is not the current one.
        let setting = [
            isAdmin ? query.url(editing: nil) : "", policy.currency, "\(policy.moneyUnit.decimals)", resets.timeZone,
            "\(resets.now / 86_400_000)",
        ]
        var parts: [TemplateContext] = []
        var html = ""
        for row in table.rows {
            func context() -> TemplateContext {
                var context = self.row(of: row, policy, &resets)
                if isAdmin { context["change"] = change(of: row, query, policy, rejected) }
                return context
            }
            if isAdmin, query.edited == row.scope {
                parts += [["html": html], ["html": "", "row": context()]]
                html = ""
            } else {
                html += rendered.text(of: row, in: setting) { pages.templates.render("usage-row", context()) }
            }
        }
        return parts + [["html": html]]
    }

    private func row(of row: UsageRow, _ policy: Policy, _ resets: inout ResetTexts) -> TemplateContext {
        let scope = row.scope.description
        let share = row.share
        var context: TemplateContext = [
            "scope": scope,
            "name": row.scope.parts.isEmpty ? "global" : row.scope.parts.map(\.id).joined(separator: " + "),
            "path": ScopePage.path(of: row.scope), "level": share.level.cssClass, "percent": share.text,
            "hasLimit": row.item != nil, "bar": share.barWidth,
        ]
        let unit = policy.moneyUnit
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
        if let item = row.item { context["limit"] = limit(of: item, in: row.calendar, policy, &resets) }
        return context
    }

    private func limit(
        of item: ScopeUsage.Item, in calendar: CalendarRules, _ policy: Policy, _ resets: inout ResetTexts
    ) -> TemplateContext {
        let limit = item.limit.limit
        var context: TemplateContext = [
            "max": limit.max.map { LimitText.amount($0, limit) } ?? "",
            "unit": LimitText.unit(limit, currency: policy.currency),
            "held": item.held == 0 ? "0" : LimitText.amount(item.held, limit),
        ]
        if limit.mode == .shadow { context["isShadow"] = true }
        if let resetsAt = item.resetsAt {
            context.merge(resets.context(resetsAt, in: calendar))
        }
        return context
    }

    /// The times at which limits reset. Most rows of a page have the same one.
    private struct ResetTexts {
        private struct Key: Hashable {
            var time: Int64
            var timeZone: String
        }

        /// Unix ms.
        let now: Int64
        /// The time zone that rows do not name.
        let timeZone: String
        private var known: [Key: TemplateContext] = [:]

        init(now: Int64, timeZone: String) {
            self.now = now
            self.timeZone = timeZone
        }

        mutating func context(_ time: Int64, in calendar: CalendarRules) -> TemplateContext {
            let key = Key(time: time, timeZone: calendar.timeZone)
            if let context = known[key] { return context }
            var context: TemplateContext = ["resets": LocalTime(calendar).context(time, now: now)]
            if calendar.timeZone != timeZone { context["zone"] = calendar.timeZone }
            known[key] = context
            return context
        }
    }

    /// Returns the link that opens the form of a row, or the form. The limit of an override is changed elsewhere.
    private func change(
        of row: UsageRow, _ query: UsageQuery, _ policy: Policy, _ rejected: Rejected?
    ) -> TemplateContext {
        if row.isOverridden { return ["isOverridden": true] }
        guard query.edited == row.scope else { return ["isClosed": true, "edit": query.url(editing: row.scope)] }
        // Several forms may be open, as a refresh leaves one with half-typed text.
        let id = "limit-\(Markup.encoded(row.scope.description))"
        var field =
            if let item = row.item { LimitField(id: id, of: item.limit.limit, in: policy) } else {
                query.newLimit(id: id, in: policy)
            }
        if let rejected { field.reject(rejected.edit, rejected.failure) }
        field.isFocused = true
        return ["field": field.context, "done": query.url(editing: nil)]
    }
}

extension UsageQuery {
    /// Returns the form of a new limit, with the meter and the period whose limits the page shows.
    fileprivate func newLimit(id: String, in policy: Policy) -> LimitField {
        var field = LimitField(id: id, in: policy)
        if case .meter(let meter) = meter { field.meter = meter }
        if let period { field.firstPeriod = period }
        return field
    }
}
