import Logging
import ServiceLifecycle
import TollgateAdmin
import TollgateCore
import TollgateDelivery
import TollgatePolicy
import TollgateRedis
import TollgateServer
import TollgateStores

/// A running sidecar, with its embedded Redis if it has one. A signal shuts it down gracefully at any time, also during
/// startup.
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
        // Everything that can fail is checked before Redis is started.
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
        // Shutdown is in reverse order, so Redis runs until every request has been answered. If one service fails, the
        // others are shut down gracefully.
        let configurations = services.map {
            ServiceGroupConfiguration.ServiceConfiguration(
                service: $0, failureTerminationBehavior: .gracefullyShutdownGroup)
        }
        try await ServiceGroup(configuration: .init(services: configurations, logger: logger)).run()
    }
}

extension Sidecar {
    /// The settings of the admin API, or nil if it is disabled.
    private func adminSettings() throws -> AdminSettings? {
        guard let address = settings.adminAddress else { return nil }
        return AdminSettings(
            address: address, access: try settings.adminAccess ?? ownAccess(), hosts: settings.adminHosts)
    }

    /// Generates a token in the data folder, for administrators who can read the file.
    private func ownAccess() throws -> AccessSettings {
        let token = try AdminToken.make(inFolder: settings.dataFolder)
        logger.info("admin API token", metadata: ["file": "\(token.path)"])
        return AccessSettings(tokens: [.init(name: "admin", role: .admin, token: token.text)])
    }
}

extension AlertDelivery.Sidecar {
    fileprivate init(_ server: TollgateServer, _ settings: ServerSettings) {
        self.init(
            redis: settings.redis, namespace: settings.namespace, version: Version.current,
            store: { try await server.startedStores().alerts }, currency: { server.policies.effective.currency })
    }
}

/// The embedded Redis as a service of the process.
private struct EmbeddedRedisService: Service {
    let redis: EmbeddedRedis

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await redis.run() }
    }
}
