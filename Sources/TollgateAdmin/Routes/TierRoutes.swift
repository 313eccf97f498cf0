import HTTPTypes
import Hummingbird
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateServer
import TollgateStores

/// The routes under `/v1/tiers`: the tiers of the policy file and of administrators. The latter take precedence.
struct TierRoutes {
    let api: AdminAPI

    var routes: [Route] {
        [
            Route(.get, "/v1/tiers", .read, list),
            Route(.get, "/v1/tiers/{id}", .read, get),
            Route(.put, "/v1/tiers/{id}", .administer, put),
            Route(.delete, "/v1/tiers/{id}", .administer, delete),
        ]
    }

    private func list(_ request: AdminRequest) async throws -> Response {
        _ = try request.query()
        return .json(ListView(items: api.tiers(try await api.store.shared())))
    }

    private func get(_ request: AdminRequest) async throws -> Response {
        _ = try request.query()
        let id = try id(request)
        if let stored = try await api.store.tier(id) {
            return .tagged(
                TierView(tier: TierEntry(stored.item, .admin), version: stored.version), version: stored.version)
        }
        guard let tier = api.server.policies.file.tiers[id] else { throw Problem.notFound("\(id): no such tier") }
        return .tagged(TierView(tier: tier), version: nil)
    }

    private func put(_ request: AdminRequest) async throws -> Response {
        let id = try id(request)
        let tier = try PolicyJSON.tier(try await request.policyPart(), id: id, api.moneyUnit)
        let (version, isNew) = try await api.apply(.setTier(tier), of: nil, request) {
            try await api.store.tier(id)?.version
        }
        let view = TierView(
            tier: TierEntry(tier, .admin), version: version,
            warnings: api.server.policies.effective.warnings(about: tier))
        return .tagged(view, version: version, isNew ? .created : .ok)
    }

    private func delete(_ request: AdminRequest) async throws -> Response {
        let id = try id(request)
        let isInFile = api.server.policies.file.tiers[id] != nil
        do {
            try await api.delete(.deleteTier(id, isInFile: isInFile), of: nil, request)
        } catch let problem as Problem where problem.code == .notFound {
            guard isInFile else { throw Problem.notFound("\(id): no such tier") }
            throw Problem(
                .conflict,
                "\(id) comes from the policy file (\(api.policyFile)); it can be replaced here, but not deleted")
        }
        return .noContent
    }

    private func id(_ request: AdminRequest) throws(Problem) -> String {
        let id = try request.parameter("id")
        do throws(ScopeError) {
            try Tier.validate(id: id)
        } catch {
            throw .badRequest("id: \(error)")
        }
        return id
    }
}

extension AdminAPI {
    /// Merges the tiers of the file and of administrators, sorted by id.
    func tiers(_ shared: StoredShared) -> [TierView] {
        server.policies.file.merged(with: shared.policy).tiers
            .sorted { $0.key < $1.key }
            .map { TierView(tier: $0.value, version: $0.value.origin == .admin ? shared.tiers[$0.key]?.version : nil) }
    }
}
