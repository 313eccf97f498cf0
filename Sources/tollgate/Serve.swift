import ArgumentParser
import Logging
import ServiceLifecycle
import TollgateCore
import TollgateRedis
import TollgateServer
import UnixSignals

/// `tollgate serve`
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the sidecar.",
        discussion: """
            Without --redis it starts a redis-server of its own, keeps its data in --data, and stops it at the end.
            Every option can also be set in the environment (--idle-timeout as TOLLGATE_IDLE_TIMEOUT) or in the file named by
            --config (as idle-timeout); an option given here comes first, then the environment, then the file.
            """
    )

    @OptionGroup var options: ServeOptions

    func run() async throws {
        var logger = Logger(label: "tollgate") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .info
        let settings = try await SettingsReader(options: options).read()
        let file = PolicyFile(path: settings.policyPath)
        let policy = try file.load()
        for warning in policy.warnings { logger.warning("\(warning)") }

        var services: [any Service] = []
        let redis: RedisAddress
        if let address = settings.redis {
            redis = address
        } else {
            let embedded = EmbeddedRedis(dataFolder: settings.dataFolder, logger: logger)
            redis = try await embedded.start()
            services.append(EmbeddedRedisService(redis: embedded))
        }
        let server = try TollgateServer(
            settings: settings.server(redis: redis), policy: policy, policyFile: file.path, logger: logger)
        services.append(server)
        services.append(PolicyReloader(file: file, server: server))
        // Shut down from the last to the first: Redis is there until every request has been answered.
        try await ServiceGroup(services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger).run()
    }
}

/// The embedded Redis as one of the services of a process.
private struct EmbeddedRedisService: Service {
    let redis: EmbeddedRedis

    func run() async throws {
        await cancelWhenGracefulShutdown { await redis.run() }
    }
}
