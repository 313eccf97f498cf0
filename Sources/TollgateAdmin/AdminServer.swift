import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import TollgateCore
package import TollgatePolicy
package import TollgateServer
package import TollgateStores

/// The HTTP/1.1 server of the admin API. Runs until graceful shutdown or cancellation. Usable from any task.
package struct AdminServer: Service {
    private let settings: AdminSettings
    private let authenticator: Authenticator
    private let routes: [Route]
    private let codes: SignInCodes
    private let pages: BrowserPages?
    /// Notes the bound address for STATUS.
    private let note: @Sendable (ListenAddress) -> Void
    private let logger: Logger
    private let onListening: @Sendable (ListenAddress) async -> Void
    /// The maximum number of connections to a listener for metrics. Anyone can connect before a token is asked for.
    private static let maxScrapers = 32

    /// Creates the server of a sidecar.
    ///
    /// - Parameters:
    ///   - policyFile: The path of the policy file, for error sentences.
    ///   - testReceiver: Sends a test message to a receiver of alerts. Nil if the process delivers no alerts.
    ///   - pages: Returns the pages that are served beside the API.
    ///   - onListening: Called with the bound address, including the actual port.
    package init(
        settings: AdminSettings, server: Sidecar, policyFile: String,
        testReceiver: ReceiverTester? = nil, logger: Logger, pages: (LocalAdmin) -> BrowserPages? = { _ in nil },
        onListening: @escaping @Sendable (ListenAddress) async -> Void = { _ in }
    ) {
        self.settings = settings
        let api = AdminAPI(
            server: server, policyFile: policyFile, testReceiver: testReceiver,
            codes: SignInCodes(lifetime: settings.signInLifetime), scopeGauges: settings.scopeGauges)
        let authenticator = Authenticator(
            settings.access, opensMetrics: settings.opensMetrics, name: settings.name, logger: logger)
        self.authenticator = authenticator
        codes = api.codes
        let admin = LocalAdmin(
            server: server, policyFile: policyFile, address: settings.address, routes: api.routes, codes: api.codes,
            authenticator: authenticator, logger: logger)
        let pages = pages(admin)
        self.pages = pages
        routes = api.routes + (pages?.routes ?? [])
        note = { [addresses = server.addresses] in addresses.admin = $0 }
        self.logger = logger
        self.onListening = onListening
    }

    /// Creates a server of metrics and health checks alone.
    ///
    /// - Parameter policyFile: The path of the policy file, for error sentences.
    package init(
        metrics settings: AdminSettings, server: Sidecar, policyFile: String, logger: Logger,
        onListening: @escaping @Sendable (ListenAddress) async -> Void = { _ in }
    ) {
        self.settings = settings
        authenticator = Authenticator(
            settings.access, opensMetrics: settings.opensMetrics, name: settings.name, logger: logger)
        pages = nil
        let api = AdminAPI(server: server, policyFile: policyFile, scopeGauges: settings.scopeGauges)
        codes = api.codes
        routes = api.service.filter { $0.isHealth || $0.permission == .metrics }
        note = { [addresses = server.addresses] in addresses.metrics = $0 }
        self.logger = logger
        self.onListening = onListening
    }

    /// Creates a link that signs in with the first token of an administrator, or else of a viewer. Returns its path, or nil
    /// if there is no such token.
    package func signInPath(for lifetime: Duration) -> String? {
        let tokens = settings.access.snapshot.tokens
        let token = tokens.first { $0.token.role == .admin } ?? tokens.first { $0.token.role.allows(.read) }
        return token.map { "/sign-in?code=\(codes.make(for: $0.identity, lifetime: lifetime))" }
    }

    /// Binds and serves. Throws an `OperatorError` if it cannot bind.
    package func run() async throws {
        if settings.option == .admin {
            for warning in settings.access.settings.warnings { logger.warning("\(warning)") }
        }
        let most = OpenFiles.adminConnections(below: OpenFiles.limit)
        let connections = OpenConnections(max: settings.option == .admin ? most : min(most, Self.maxScrapers))
        let http = HTTP1Channel(responder: responder(connections))
        // `OpenConnections` limits the number of connections. Admission only logs and retries if accepting fails.
        let admission = ConnectionAdmission(capacity: .max, name: settings.name, logger: logger)
        let listener = AdminListener(
            address: settings.address, option: settings.option, http: http, connections: connections,
            admission: admission, logger: quietLogger)
        let (channel, file) = try await listener.bind()
        let address = settings.address.bound(to: channel.channel.localAddress)
        logger.debug("\(settings.name) listening", metadata: ["address": "\(address)"])
        note(address)
        await onListening(address)
        await withGracefulShutdownHandler {
            await serve(channel, http)
        } onGracefulShutdown: {
            file?.remove()
            channel.channel.close(promise: nil)
            connections.drain()
        }
    }

    /// A logger without Hummingbird's own messages and its line per request.
    private var quietLogger: Logger {
        var quiet = logger
        quiet.logLevel = .warning
        return quiet
    }

    private func serve(_ channel: AdminListener.ServerChannel, _ http: HTTP1Channel) async {
        await withDiscardingTaskGroup { group in
            do {
                try await channel.executeThenClose { inbound in
                    for try await connection in inbound {
                        group.addTask { [quietLogger] in await http.handle(value: connection, logger: quietLogger) }
                    }
                }
            } catch {
                logger.error("\(settings.name) stopped accepting connections", metadata: ["error": "\(error)"])
            }
        }
    }

    private func responder(_ connections: OpenConnections) -> HTTPChannelHandler.Responder {
        let router = AdminRouter.make(routes, pages, authenticator, settings, connections, logger: logger)
            .buildResponder()
        return { [quietLogger] request, writer, channel in
            let context = AdminContext(source: .init(channel: channel, logger: quietLogger))
            var response: Response
            do {
                response = try await router.respond(to: request, context: context)
            } catch let error as HTTPParserError {
                throw error
            } catch {
                response = Problem(error).response
            }
            response.headers[.date] = HTTPDate.text(.now)
            try await writer.write(response: response.head, body: response.body)
        }
    }
}

/// The settings of the admin API, or of a listener for metrics.
package struct AdminSettings: Sendable {
    /// The option that gives the address.
    package enum Option: String, Sendable {
        case admin = "--admin"
        case metrics = "--metrics"
    }

    /// The option that gives the address: it also tells what the listener serves.
    package var option = Option.admin
    /// The address to bind. Port 0 lets the system choose a port.
    package var address: ListenAddress
    /// The access rules, which can be reloaded.
    package let access: ActiveAccess
    /// Additional host names by which clients reach the API, such as that of a proxy.
    package var hosts: [String]
    /// The time for which a link that signs in to the dashboard is valid.
    package var signInLifetime = SignInCodes.standardLifetime

    package init(address: ListenAddress, access: AccessSettings, hosts: [String] = []) {
        self.init(address: address, access: ActiveAccess(access), hosts: hosts)
    }

    /// - Parameter access: The access, which can be that of another listener.
    package init(address: ListenAddress, access: ActiveAccess, hosts: [String] = []) {
        self.address = address
        self.access = access
        self.hosts = hosts
    }

    /// The scopes that have gauges of their own in metrics.
    package var scopeGauges = ScopeGaugeSettings()

    /// Whether metrics need no token: only this host can reach the listener, and no proxy that has a name of its own.
    var opensMetrics: Bool { address.isLocal && hosts.isEmpty }

    /// What the listener is called in the log.
    var name: String { option == .admin ? "admin API" : "metrics" }

    /// Throws an error unless a value of `--admin-host` is a host without a port.
    package static func validate(host: String) throws(OperatorError) {
        guard let name = HostName(host), name.name == host.lowercased() else {
            throw OperatorError("--admin-host \(host): expected a host name or address without a port")
        }
    }

    /// Parses the value of an option. Returns nil for `off`. Throws an error that names the option.
    package static func address(parsing text: String, _ option: Option) throws(OperatorError) -> ListenAddress? {
        if text == "off" { return nil }
        do throws(OperatorError) {
            return try ListenAddress(parsing: text)
        } catch {
            let sentence = error.description.replacing("--listen", with: option.rawValue, maxReplacements: 1)
            throw OperatorError("\(sentence), or off")
        }
    }
}
