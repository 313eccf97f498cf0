import Foundation
import Hummingbird
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateServer
import TollgateStores

/// The routes under `/v1/policy`: the active policy, and validation of a policy.
struct PolicyRoutes {
    let api: AdminAPI

    var routes: [Route] {
        [
            Route(.get, "/v1/policy", .read, get),
            Route(.post, "/v1/policy/validate", .administer, isChange: false, validate),
        ]
    }

    // MARK: - In force

    private struct PolicyView: Encodable {
        var policy: Policy
        var tiers: [TierView]
        var assignments: [AssignmentView]
        /// By id.
        var accounts: [String: AccountEntry]

        enum CodingKeys: String, CodingKey {
            case defaults, scopes, tiers, assignments, accounts
        }

        func encode(to encoder: any Encoder) throws {
            try PolicySettingsJSON(policy).encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            let defaults = policy.defaults.map { ($0.key.description, PlacedLimitsView($0.value, .file)) }
            try container.encode(Dictionary(uniqueKeysWithValues: defaults), forKey: .defaults)
            // A list, because `String` compares scopes with different bytes as equal if they are canonically
            // equivalent.
            let scopes = policy.scopes.map { ($0.key.description, PlacedLimitsView($0.value, .file)) }
            try container.encode(Dictionary(scopes) { first, _ in first }, forKey: .scopes)
            try container.encode(tiers, forKey: .tiers)
            try container.encode(assignments, forKey: .assignments)
            if !accounts.isEmpty { try container.encode(accounts, forKey: .accounts) }
        }
    }

    private func get(_ request: AdminRequest) async throws -> Response {
        _ = try request.query()
        let shared = try await api.store.shared()
        let file = api.server.policies.file
        let inFile = try await api.assignmentsOfFile(shared)
        let stored = shared.assignments.sorted { $0.item.subject.id < $1.item.subject.id }
        var accounts = file.accounts.map { AccountEntry(id: $0.key, account: $0.value) }
        accounts += shared.accounts.map { AccountEntry(id: $0.key, account: $0.value.item, version: $0.value.version) }
        return .json(
            PolicyView(
                policy: file, tiers: api.tiers(shared),
                assignments: inFile.map { AssignmentView($0) } + stored.map { AssignmentView($0) },
                accounts: Dictionary(accounts.map { ($0.id, $0) }) { $1 }))
    }

    // MARK: - Validation

    private func validate(_ request: AdminRequest) async throws -> Response {
        let body = try await request.body()
        guard !body.isEmpty else { throw Problem.badRequest("expected a policy file as the body") }
        return .json(PolicyVerdict(on: body, for: api.moneyUnit))
    }
}
