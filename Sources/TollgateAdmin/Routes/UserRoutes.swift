import Hummingbird
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateServer
import TollgateStores

/// The route `/v1/users/{id}`: the reason for a user's limits, and their usage.
struct UserRoutes {
    let api: AdminAPI

    var routes: [Route] { [Route(.get, "/v1/users/{id}", .read, get)] }

    private struct TierChoiceView: Encodable {
        var id: String
        var name: String?
        var origin: Origin
        var via: String
        var priority: Int

        init(_ choice: TierChoice) {
            id = choice.tier.tier.id
            name = choice.tier.tier.name
            origin = choice.tier.origin
            via = choice.winner.subject.id
            priority = choice.winner.priority
        }
    }

    private struct CandidateView: Encodable {
        var id: String
        var tier: String
        var priority: Int
        var origin: Origin

        init(_ assignment: Assignment) {
            id = assignment.subject.id
            tier = assignment.tier
            priority = assignment.priority
            origin = assignment.origin
        }
    }

    private struct SkippedView: Encodable {
        var id: String
        var tier: String
        var priority: Int
        var origin: Origin
        var reason: SkippedAssignment.Reason

        init(_ skipped: SkippedAssignment) {
            id = skipped.assignment.subject.id
            tier = skipped.assignment.tier
            priority = skipped.assignment.priority
            origin = skipped.assignment.origin
            reason = skipped.reason
        }
    }

    private struct UserView: Encodable {
        var user: String
        var scope: String
        var tier: TierChoiceView?
        var candidates: [CandidateView]
        var skipped: [SkippedView]
        var limits: [UsageItemView]
        var override: OverrideView?
        var calendar: CalendarView

        enum CodingKeys: String, CodingKey {
            case user, scope, tier, candidates, skipped, limits, override, calendar
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(user, forKey: .user)
            try container.encode(scope, forKey: .scope)
            try container.encode(tier, forKey: .tier)
            try container.encode(candidates, forKey: .candidates)
            try container.encode(skipped, forKey: .skipped)
            try container.encode(limits, forKey: .limits)
            try container.encode(override, forKey: .override)
            try container.encode(calendar, forKey: .calendar)
        }
    }

    private func get(_ request: AdminRequest) async throws -> Response {
        let query = try request.query("email", "roles")
        let scope: Scope
        do {
            scope = api.folded(try Scope(parts: [.init(kind: "user", id: try request.parameter("id"))]))
        } catch let error as ScopeError {
            throw Problem.badRequest("id: \(error)")
        }
        let id = scope.parts[0].id
        let traits = try query.traits()
        let (rules, usage) = try await api.server.usage(of: scope, traits: traits)
        let stored = try await api.store.settings(of: scope)
        let skipped = api.server.policies.effective.skippedAssignments(
            of: scope, assignment: stored.assignment?.item, traits: traits)
        let override = rules.expiresAt == nil ? nil : stored.override
        return .json(
            UserView(
                user: id, scope: scope.description, tier: rules.choice.map(TierChoiceView.init),
                candidates: rules.choice?.candidates.map(CandidateView.init) ?? [],
                skipped: skipped.map(SkippedView.init),
                limits: usage.items.map(UsageItemView.init),
                override: override.map { OverrideView(scope: scope, override: $0.item, version: $0.version) },
                calendar: CalendarView(rules.calendar)))
    }
}
