import Foundation
import HTTPTypes
import Hummingbird
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateServer
import TollgateStores

/// The routes `/v1/limits` and under `/v1/scopes`: the limits of scopes and their usage.
struct ScopeRoutes {
    let api: AdminAPI

    var routes: [Route] {
        [
            Route(.get, "/v1/scopes", .read, list),
            Route(.get, "/v1/limits", .read, listLimits),
            Route(.get, "/v1/scopes/{scope}/limits", .read, get),
            Route(.put, "/v1/scopes/{scope}/limits", .administer, put),
            Route(.delete, "/v1/scopes/{scope}/limits", .administer, delete),
            Route(.post, "/v1/scopes/{scope}/reset", .administer, reset),
        ]
    }

    // MARK: - Seen

    private struct SeenView: Encodable {
        var scope: String
        var lastSeen: String
        var limits: [UsageItemView]
        /// The usage of the running day. Nil if the kind has no history.
        var today: AmountsView?

        enum CodingKeys: String, CodingKey {
            case scope, limits, today
            case lastSeen = "last_seen"
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(scope, forKey: .scope)
            try container.encode(lastSeen, forKey: .lastSeen)
            try container.encode(limits, forKey: .limits)
            try container.encode(today, forKey: .today)
        }
    }

    private func list(_ request: AdminRequest) async throws -> Response {
        let query = try request.query("kind", "cursor", "limit")
        let kind = try api.known(try query.kind())
        let page = try await api.store.scopesSeen(kind: kind, after: query.cursor, atMost: try query.limit())
        let readings = try await api.server.readings(
            of: page.items.map(\.scope), .all, history: api.server.policies.effective.hasHistory(kind) ? .day : nil)
        let views = zip(page.items, readings).map { seen, reading in
            SeenView(
                scope: seen.scope.description, lastSeen: Instant.text(milliseconds: seen.seenAt),
                limits: reading.usage.items.map(UsageItemView.init),
                today: reading.amounts.map { AmountsView(amounts: $0, moneyUnit: api.moneyUnit) })
        }
        return .json(PageView(items: views, next: page.next))
    }

    // MARK: - Limits

    /// The limits that administrators have set, and the active limits.
    private struct LimitsView: Encodable {
        var scope: String
        var limits: LimitsJSON?
        var effective: [EffectiveLimitView]
        /// Sentences in the response to a change.
        var warnings: [String] = []

        enum CodingKeys: String, CodingKey {
            case scope, limits, effective, warnings
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(scope, forKey: .scope)
            try container.encode(limits, forKey: .limits)
            try container.encode(effective, forKey: .effective)
            if !warnings.isEmpty { try container.encode(warnings, forKey: .warnings) }
        }
    }

    /// The limits of one of all scopes that have any.
    private struct StoredLimitsView: Encodable {
        var scope: String
        var limits: LimitsJSON
        var version: Int64
    }

    /// Lists the limits that administrators have set, of all scopes.
    private func listLimits(_ request: AdminRequest) async throws -> Response {
        let query = try request.query("cursor", "limit")
        let page = try await api.store.scopeIndex.limits(after: query.cursor, atMost: try query.limit())
        let views = page.items.map {
            StoredLimitsView(scope: $0.scope.description, limits: LimitsJSON($0.item), version: $0.version)
        }
        return .json(PageView(items: views, next: page.next))
    }

    private func view(_ scope: Scope, _ stored: StoredSettings) async -> LimitsView {
        let now = await api.server.redisTime
        let rules = api.server.policies.effective.rules(for: scope, settings: stored.settings, at: now)
        return LimitsView(
            scope: scope.description, limits: stored.limits.map { LimitsJSON($0.item) },
            effective: rules.limits.map(EffectiveLimitView.init))
    }

    private func get(_ request: AdminRequest) async throws -> Response {
        _ = try request.query()
        let scope = try api.known(try request.scope())
        let stored = try await api.store.settings(of: scope)
        return .tagged(await view(scope, stored), version: stored.limits?.version)
    }

    private func put(_ request: AdminRequest) async throws -> Response {
        let scope = try api.known(try request.scope())
        try api.requireCompositeCapacity(for: scope)
        let limits = try limits(try await request.json(), of: scope)
        let (version, isNew) = try await api.apply(.setLimits(scope, limits), of: scope, request) {
            try await api.store.settings(of: scope).limits?.version
        }
        // The change has been made, so a failure to read it back is ignored.
        var stored = (try? await api.store.settings(of: scope)) ?? StoredSettings()
        stored.limits = Versioned(limits, version: version)
        var view = await view(scope, stored)
        let others = ScopeSettings(assignment: stored.settings.assignment)
        view.warnings = api.server.policies.effective.warnings(about: limits, of: scope, over: others)
        return .tagged(view, version: version, isNew ? .created : .ok)
    }

    /// Reads `{"limits":{"requests":{"1m":10}}}`.
    private func limits(_ json: Data, of scope: Scope) throws -> [Limit] {
        var reader = try ObjectReader(json, allowed: ["limits"])
        let limits = reader["limits"]
        if limits == nil { reader.report("limits", "is missing") }
        try reader.finish()
        do {
            return try PolicyJSON.limits(Data(CanonicalJSON.text(limits).utf8), of: scope, api.moneyUnit)
        } catch let error as PolicyError {
            throw Problem(policy: error, prefix: "limits")
        }
    }

    private func delete(_ request: AdminRequest) async throws -> Response {
        let scope = try api.known(try request.scope())
        try await api.delete(.deleteLimits(scope), of: scope, request)
        return .noContent
    }

    // MARK: - Reset

    private struct ResetView: Encodable {
        var scope: String
        var limits: [String]
    }

    private func reset(_ request: AdminRequest) async throws -> Response {
        let scope = try api.known(try request.scope())
        var reader = try ObjectReader(try await request.json(), allowed: ["limits"])
        let limits = reader.texts("limits", maxLength: 64).map { names in
            names.enumerated().compactMap { Self.resettable($1, "limits[\($0)]", &reader) }
        }
        if reader["limits"]?.items?.isEmpty == true {
            reader.report("limits", "expected at least one limit; omit limits to reset all")
        }
        try reader.finish()
        if let limits { try await requireLimits(limits, of: scope) }
        let reset = try await api.store.reset(scope, limits: limits, by: request.author)
        api.server.reviewAlerts(of: scope)
        return .json(ResetView(scope: scope.description, limits: reset))
    }

    /// Throws a `Problem` about each limit that the scope does not have in any tier, and lists those that it has.
    private func requireLimits(_ limits: [(Meter, Period)], of scope: Scope) async throws {
        let settings = try await api.store.settings(of: scope).settings
        let rules = api.server.policies.effective.rules(
            for: scope, settings: settings, at: await api.server.redisTime)
        let names = rules.limits.map(\.limit.name) + rules.varyingLimits
        let counted = Set(names.filter { $0 != Meter.concurrent.name && !$0.hasSuffix("/request") }).sorted()
        let list = counted.isEmpty ? "it has no limit to reset" : "its limits are \(counted.joined(separator: ", "))"
        let errors = limits.enumerated().compactMap { index, limit -> Problem.FieldError? in
            let name = Limit(limit.0, limit.1, max: nil).name
            guard !counted.contains(name) else { return nil }
            return .init(field: "limits[\(index)]", message: "\(scope) has no limit \(name); \(list)")
        }
        guard errors.isEmpty else { throw Problem.invalid(errors) }
    }

    /// Returns the meter and period of a limit whose counter can be reset.
    private static func resettable(
        _ name: String, _ field: String, _ reader: inout ObjectReader
    ) -> (Meter, Period)? {
        let words = name.split(separator: "/", omittingEmptySubsequences: false)
        guard name != Meter.concurrent.name, words.last != "request" else {
            reader.report(field, "\(name) has no counter to reset")
            return nil
        }
        guard words.count == 2, let meter = Meter(name: words[0]), meter != .concurrent,
            let period = try? Period(parsing: words[1])
        else {
            reader.report(field, "\(Limit.hint(about: name))expected a limit such as requests/1m or cost/month")
            return nil
        }
        return (meter, period)
    }
}
