import Logging
import ServiceLifecycle
import TollgateAccounts
import TollgateAdmin
import TollgateCore
import TollgateDashboard
import TollgateDelivery
import TollgatePolicy
import TollgateRedis
import TollgateServer
import TollgateStores

/// Runs a sidecar and its services, with an embedded Redis if the settings name none. A signal ends it in order at any
/// time, also during the start.
struct SidecarRunner: Service {
    let settings: Settings
    let policy: Policy
    let policyFile: PolicyFile
    /// The price file; nil for none.
    let prices: PriceSource?
    /// Whether SIGHUP reloads files. Otherwise it ends the sidecar.
    let reloadsOnHangUp: Bool
    let runLog: RunLog
    let threshold: LogThreshold
    let logger: Logger

    func run() async throws {
        try settings.requireUnusedPorts()
        if let redis = settings.redis {
            let folder = try DataFolder(settings.dataFolder)
            try await serve(redis, admin: adminSettings(), after: [])
            return withExtendedLifetime(folder) {}
        }
        // Before the start of Redis, so that an error leaves nothing to stop.
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
        let receivers =
            settings.alerts.map { AlertReceivers($0.receivers, file: $0.path) } ?? AlertReceivers()
        let sidecar = try await Sidecar(
            settings: serverSettings, policy: policy, policyFile: policyFile.path,
            prices: prices, receivers: receivers, logLevel: threshold, logger: logger)
        let metrics = metricsSettings(admin)
        let reloaders = Reloaders(
            settings, policyFile: policyFile, prices: prices, access: (admin ?? metrics)?.access,
            reloadsOnHangUp: reloadsOnHangUp,
            of: sidecar, logger: logger)
        let delivery = AlertDelivery(receivers: receivers, sidecar: .init(sidecar, serverSettings), logger: logger)
        for warning in settings.alerts?.warnings ?? [] { logger.warning("\(warning)") }
        let drift = DriftAlerts(
            alerts: sidecar.stores.alerts, history: sidecar.stores.history, policy: { sidecar.policies.effective },
            logger: logger)
        let accounts = AccountSync(
            store: sidecar.stores.accounts, policy: { Self.accountPolicy(of: sidecar) }, sidecar: sidecar.name,
            version: Version.current, drift: drift, readings: sidecar.accountReadings,
            onFigures: { sidecar.reviewAlerts(of: $0) }, logger: logger)
        let adminServer = admin.map {
            AdminServer(
                settings: $0, server: sidecar, policyFile: policyFile.path,
                testReceiver: { await delivery.test($0) }, logger: logger, pages: { Dashboard($0).browserPages })
        }
        let startReport = StartReport(
            sidecar: sidecar, redis: "\(redis)", hasAdmin: admin != nil, hasMetrics: metrics != nil,
            policyFile: policyFile.path, runLog: runLog,
            guide: { guide(to: sidecar, adminServer) })
        var services: [any Service] = first + [sidecar] + reloaders.services + [delivery, accounts, startReport]
        if let adminServer { services.append(adminServer) }
        if let metrics {
            services.append(
                AdminServer(metrics: metrics, server: sidecar, policyFile: policyFile.path, logger: logger))
        }
        // They stop in reverse order, so that Redis runs until every request has been answered. A failed one stops the
        // others.
        let configurations = services.map {
            ServiceGroupConfiguration.ServiceConfiguration(
                service: $0, failureTerminationBehavior: .gracefullyShutdownGroup)
        }
        try await ServiceGroup(configuration: .init(services: configurations, logger: logger)).run()
    }
}

extension SidecarRunner {
    /// The minutes for which the link of the profile `dev` is valid.
    private static let linkMinutes: Int64 = 10

    /// The text of the profile `dev`; nil for other profiles.
    private func guide(to sidecar: Sidecar, _ admin: AdminServer?) -> String? {
        guard settings.profile.profile == .dev else { return nil }
        let token: DevGuide.ClientToken? =
            settings.tokenFile.map { .file($0.file.path) } ?? (settings.server.token == nil ? nil : .environment)
        let path = admin?.signInPath(for: .seconds(Self.linkMinutes * 60))
        return DevGuide(
            clients: sidecar.addresses.line, token: token, admin: sidecar.addresses.admin,
            adminTokenFile: settings.adminAccess == nil ? AdminToken.path(inFolder: settings.dataFolder) : nil,
            link: path.map { ($0, Self.linkMinutes) }
        ).text
    }

    /// The policy whose accounts are read; empty until it is known which of them administrators have replaced.
    private static func accountPolicy(of sidecar: Sidecar) -> Policy {
        let policy = sidecar.policies.effective
        return policy.kindsWithSettings == nil ? .empty : policy
    }

    /// The settings of the admin API; nil if it is off.
    private func adminSettings() throws -> AdminSettings? {
        guard let address = settings.adminAddress else { return nil }
        var admin = AdminSettings(
            address: address, access: try settings.adminAccess ?? defaultAccess(), hosts: settings.adminHosts)
        admin.scopeGauges = settings.scopeGauges
        return admin
    }

    /// The settings of the listener for metrics; nil without one. It shares the access of the admin API.
    private func metricsSettings(_ admin: AdminSettings?) -> AdminSettings? {
        guard let address = settings.metricsAddress else { return nil }
        var metrics = AdminSettings(
            address: address, access: admin?.access ?? ActiveAccess(settings.adminAccess ?? AccessSettings()))
        metrics.option = .metrics
        metrics.scopeGauges = settings.scopeGauges
        return metrics
    }

    /// The access with a token in the data folder, for users who can read that file.
    private func defaultAccess() throws -> AccessSettings {
        let token = try AdminToken.make(inFolder: settings.dataFolder)
        logger.info("using the generated admin API token", metadata: ["file": "\(token.path)"])
        return AccessSettings(tokens: [.init(name: "admin", role: .admin, token: token.text)])
    }
}

extension AlertDelivery.Sidecar {
    fileprivate init(_ sidecar: TollgateServer.Sidecar, _ settings: ServerSettings) {
        self.init(
            redis: settings.redis, namespace: settings.namespace, version: Version.current,
            store: { sidecar.stores.alerts }, currency: { sidecar.policies.effective.currency })
    }
}

/// The embedded Redis as a service.
private struct EmbeddedRedisService: Service {
    let redis: EmbeddedRedis

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await redis.run() }
    }
}
