import Hummingbird
import TollgateServer
import TollgateStores

/// The route `/v1/sidecars`: the sidecars that share the namespace.
struct SidecarRoutes {
    let api: AdminAPI

    var routes: [Route] { [Route(.get, "/v1/sidecars", .read, list)] }

    private func list(_ request: AdminRequest) async throws -> Response {
        _ = try request.query()
        let digest = api.server.activePolicy.digest
        return .json(ListView(items: try await api.store.sidecars.recent().map { SidecarView($0, digest: digest) }))
    }
}

/// A sidecar as it announced itself.
struct SidecarView: Encodable {
    private let sidecar: AnnouncedSidecar
    private let digest: String

    /// - Parameter digest: The digest of the policy of the sidecar that responds.
    init(_ sidecar: AnnouncedSidecar, digest: String) {
        self.sidecar = sidecar
        self.digest = digest
    }

    enum CodingKeys: String, CodingKey {
        case host, version, listen
        case processID = "process_id"
        case startedAt = "started_at"
        case policyDigest = "policy_digest"
        case hasSamePolicy = "has_same_policy"
        case lastSeenAt = "last_seen_at"
        case lastSeenSeconds = "last_seen_seconds"
    }

    func encode(to encoder: any Encoder) throws {
        let (host, process) = sidecar.hostAndProcess
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(host, forKey: .host)
        try container.encode(process, forKey: .processID)
        try container.encode(sidecar.details?.version, forKey: .version)
        try container.encode(sidecar.details.map { Instant.text(milliseconds: $0.startedAt) }, forKey: .startedAt)
        try container.encode(sidecar.addresses, forKey: .listen)
        try container.encode(sidecar.digest, forKey: .policyDigest)
        try container.encode(sidecar.digest == digest, forKey: .hasSamePolicy)
        try container.encode(Instant.text(milliseconds: sidecar.at), forKey: .lastSeenAt)
        try container.encode(sidecar.age / 1_000, forKey: .lastSeenSeconds)
    }
}
