import Foundation
import Hummingbird
package import Logging
import NIOCore
import ServiceLifecycle
package import TollgateServer

/// Serves the admin API of one sidecar over HTTP/1.1 until graceful shutdown or cancellation. Usable from any task.
package struct AdminServer: Service {
    private let settings: AdminSettings
    private let api: AdminAPI
    private let logger: Logger
    private let onListening: @Sendable (ListenAddress) async -> Void

    /// More connections wait until one of these ends.
    private static let mostConnections = 256
    /// A connection that sends nothing for so long is closed.
    private static let idleTimeout = TimeAmount.seconds(60)

    /// - Parameters:
    ///   - policyFile: The path that sentences name.
    ///   - onListening: Is told where it listens, with the real port.
    package init(
        settings: AdminSettings, server: TollgateServer, policyFile: String, logger: Logger,
        onListening: @escaping @Sendable (ListenAddress) async -> Void = { _ in }
    ) {
        self.settings = settings
        api = AdminAPI(server: server, policyFile: policyFile)
        self.logger = logger
        self.onListening = onListening
    }

    /// Throws an ``AdminError`` where it cannot listen.
    package func run() async throws {
        for warning in settings.access.warnings { logger.warning("\(warning)") }
        do {
            try await application().run()
        } catch let error as IOError {
            throw AdminError("--admin \(settings.address): \(error.description)")
        }
        if case .unix(let path) = settings.address { unlink(path) }
    }

    private func application() -> Application<RouterResponder<AdminContext>> {
        // Says what this server says too, and what each request was.
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        let router = AdminRouter.make(api, access: settings.access, logger: logger)
        return Application(
            router: router, server: .http1(configuration: .init(idleTimeout: Self.idleTimeout)),
            configuration: .init(
                address: settings.address.bindAddress,
                availableConnectionsDelegate: .maximum(Self.mostConnections, logger: quiet)),
            onServerRunning: { await listening($0) }, logger: quiet)
    }

    private func listening(_ channel: any Channel) async {
        if case .unix(let path) = settings.address { chmod(path, 0o600) }
        let address = settings.address.bound(to: channel.localAddress)
        logger.info("admin API listening", metadata: ["address": "\(address)"])
        await onListening(address)
    }
}

extension ListenAddress {
    fileprivate var bindAddress: BindAddress {
        switch self {
        case .tcp(let host, let port): .hostname(host, port: port)
        case .unix(let path): .unixDomainSocket(path: path)
        }
    }

    /// With the port that the system has chosen.
    fileprivate func bound(to address: SocketAddress?) -> ListenAddress {
        guard case .tcp(let host, _) = self, let port = address?.port else { return self }
        return .tcp(host: host, port: port)
    }
}
