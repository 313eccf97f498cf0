import Logging
import ServiceLifecycle
import TollgateAdmin
import TollgateCore
import TollgateDelivery
import TollgatePolicy
import TollgateRedis
import TollgateServer
import TollgateStores

/// A running sidecar and, where it has one of its own, its Redis. A signal ends it in good order at any moment, also while it
/// starts.
struct Sidecar: Service {
    let settings: Settings
    let policy: Policy
    let policyFile: PolicyFile
    let logger: Logger

    func run() async throws {
        if let redis = settings.redis {
            let folder = try DataFolder(settings.dataFolder)
            try await serve(redis, admin: adminSettings(), after: [])
            return withExtendedLifetime(folder) {}
        }
        // Whatever may fail does so before there is a Redis to stop.
        let admin = try adminSettings()
        let embedded = EmbeddedRedis(dataFolder: settings.dataFolder, logger: logger)
        let redis: RedisAddress
        do {
            redis = try await cancelWhenGracefulShutdown { try await embedded.start() }
        } catch is CancellationError {
            return
        }
        try await serve(redis, admin: admin, after: [EmbeddedRedisService(redis: embedded)])
    }

    private func serve(
        _ redis: RedisAddress, admin: AdminSettings?, after first: [any Service]
    ) async throws {
        let serverSettings = settings.server(redis: redis)
        let server = try TollgateServer(
            settings: serverSettings, policy: policy, policyFile: policyFile.path, logger: logger)
        let receivers = settings.alerts?.receivers ?? AlertReceiver.standard
        for warning in settings.alerts?.warnings ?? [] { logger.warning("\(warning)") }
        var services: [any Service] =
            first + [
                server, PolicyReloader(file: policyFile, server: server),
                AlertDelivery(receivers: receivers, sidecar: .init(server, serverSettings), logger: logger),
            ]
        if let admin {
            services.append(
                AdminServer(
                    settings: admin, server: server, policyFile: policyFile.path, receivers: receivers, logger: logger)
            )
        }
        // Shut down from the last to the first: Redis is there until every request has been answered. One that fails ends
        // the others in good order.
        let configurations = services.map {
            ServiceGroupConfiguration.ServiceConfiguration(
                service: $0, failureTerminationBehavior: .gracefullyShutdownGroup)
        }
        try await ServiceGroup(configuration: .init(services: configurations, logger: logger)).run()
    }
}

extension Sidecar {
    /// Nil where there shall be no admin API.
    private func adminSettings() throws -> AdminSettings? {
        guard let address = settings.adminAddress else { return nil }
        return AdminSettings(
            address: address, access: try settings.adminAccess ?? ownAccess(), hosts: settings.adminHosts)
    }

    /// For whoever can read the file in the data folder.
    private func ownAccess() throws -> AccessSettings {
        let token = try AdminToken.make(inFolder: settings.dataFolder)
        logger.info("the admin API's token", metadata: ["file": "\(token.path)"])
        return AccessSettings(tokens: [.init(name: "admin", role: .admin, token: token.text)])
    }
}

extension AlertDelivery.Sidecar {
    fileprivate init(_ server: TollgateServer, _ settings: ServerSettings) {
        self.init(
            redis: settings.redis, namespace: settings.namespace, version: Version.current,
            store: { server.stores?.alerts }, currency: { server.policies.effective.currency })
    }
}

/// The embedded Redis as one of the services of a process.
private struct EmbeddedRedisService: Service {
    let redis: EmbeddedRedis

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await redis.run() }
    }
}
