import Hummingbird
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateServer
import TollgateStores

/// The routes under `/v1/reports`: usage by day and month, and rankings.
struct ReportRoutes {
    let api: AdminAPI

    var routes: [Route] {
        [
            Route(.get, "/v1/reports/daily", .read) { try await periods(.day, $0) },
            Route(.get, "/v1/reports/monthly", .read) { try await periods(.month, $0) },
            Route(.get, "/v1/reports/top", .read, top),
        ]
    }

    // MARK: - Days and months

    private func periods(_ unit: CalendarUnit, _ request: AdminRequest) async throws -> Response {
        let query = try request.query("scope", "from", "to", "by", "format", "roles", "email")
        let format = try ReportFormat(query, request.request.headers)
        guard let named = try query.scope() else {
            throw Problem.badRequest("scope: is required, such as user:alice")
        }
        let scope = try api.known(named)
        let dimension = try Self.dimension(query["by"])
        let policy = api.server.policies.effective
        try Self.requireHistory(of: scope.kind, in: policy, "scope")
        let now = await api.server.redisTime
        let calendar = try await calendar(of: scope, try query.traits(), policy, at: now)
        let period = try ReportPeriod(unit, query, calendar.rules, at: now)
        let windows = calendar.rules.windows(unit, numbered: period.numbers)
        let pages = try await pages(unit, of: scope, windows.map(\.id), dimension.map { .labels([$0]) } ?? .totals)
        let report = PeriodReport(
            scope: scope, unit: unit, calendar: calendar, currency: policy.currency,
            moneyUnit: policy.moneyUnit, from: period.from, to: period.to,
            retainedFrom: policy.oldestRetained(unit, in: calendar.rules, at: now), dimension: dimension,
            rows: zip(windows, pages).map { .init(window: $0, page: $1) })
        return format == .csv ? .csv(report.csv) : .json(report)
    }

    private func pages(
        _ unit: CalendarUnit, of scope: Scope, _ ids: [String], _ detail: HistoryStore.Detail
    ) async throws -> [HistoryRecord] {
        let history = api.stores.history
        return unit == .day
            ? try await history.days(of: scope, ids: ids, detail)
            : try await history.months(of: scope, ids: ids, detail)
    }

    /// Resolves the calendar. Only a user's calendar depends on settings and traits.
    private func calendar(
        of scope: Scope, _ traits: UserTraits, _ policy: Policy, at now: Int64
    ) async throws -> ReportCalendar {
        let isUsers = Policy.canHaveTier(scope) && !policy.tiers.isEmpty
        let settings = try await isUsers ? api.store.settings(of: scope).settings : .none
        return ReportCalendar(of: scope, settings, traits, in: policy, at: now)
    }

    private static func dimension(_ text: String?) throws(Problem) -> HistoryDimension? {
        guard let text else { return nil }
        guard let dimension = HistoryDimension(rawValue: text) else {
            throw .badRequest("by: expected \(words(HistoryDimension.allCases.map(\.name)))")
        }
        return dimension
    }

    // MARK: - Top

    private func top(_ request: AdminRequest) async throws -> Response {
        let query = try request.query("kind", "meter", "day", "limit", "format")
        let format = try ReportFormat(query, request.request.headers)
        let policy = api.server.policies.effective
        let kind = try api.known(try query.kind())
        guard kind != .global else {
            throw Problem.badRequest("kind: global is a single scope; use its daily report")
        }
        try Self.requireHistory(of: kind, in: policy, "kind")
        let meter = try Self.meter(query["meter"])
        let limit = try query.limit(default: 10)
        let now = await api.server.redisTime
        let day = query["day"] ?? policy.calendar.window(.day, containing: now).id
        guard CalendarUnit.day.number(ofID: day) != nil else {
            throw Problem.badRequest("day: expected a day such as 2026-11-20")
        }
        let items = try await api.stores.history.top(kind: kind, meter: meter, day: day, atMost: limit)
        let retainedFrom = policy.oldestRetained(.day, in: policy.calendar, at: now)
        // Days are those of each scope's own calendar, so a scope may still have this day.
        if items.isEmpty, day < retainedFrom {
            throw Problem.notFound("day: \(day) is no longer retained; the first retained day is \(retainedFrom)")
        }
        let report = RankingReport(
            kind: kind, meter: meter, day: day, retainedFrom: retainedFrom, calendar: policy.calendar,
            currency: policy.currency, moneyUnit: policy.moneyUnit, items: items)
        return format == .csv ? .csv(report.csv) : .json(report)
    }

    private static func meter(_ text: String?) throws(Problem) -> HistoryMeter {
        guard let text else { return .cost }
        guard let meter = HistoryMeter(rawValue: text), HistoryMeter.ranked.contains(meter) else {
            throw .badRequest("meter: expected \(words(HistoryMeter.ranked.map(\.name)))")
        }
        return meter
    }

    // MARK: - Both

    private static func requireHistory(of kind: ScopeKind, in policy: Policy, _ key: String) throws(Problem) {
        guard !policy.hasHistory(kind) else { return }
        let retained = policy.history.sorted().joined(separator: ", ")
        throw .notFound(
            "\(key): no history is retained for \(kind); history: in the policy file lists \(retained.isEmpty ? "no kinds" : retained)"
        )
    }

    /// Joins names as `provider, tool or model`.
    private static func words(_ names: [String]) -> String {
        names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
    }
}
