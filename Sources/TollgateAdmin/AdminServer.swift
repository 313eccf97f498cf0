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
    private let pages: BrowserPages?
    private let addresses: ListeningAddresses
    private let logger: Logger
    private let onListening: @Sendable (ListenAddress) async -> Void

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
            codes: SignInCodes(lifetime: settings.signInLifetime))
        let authenticator = Authenticator(settings.access, logger: logger)
        self.authenticator = authenticator
        let admin = LocalAdmin(
            server: server, policyFile: policyFile, address: settings.address, routes: api.routes, codes: api.codes,
            authenticator: authenticator, logger: logger)
        let pages = pages(admin)
        self.pages = pages
        routes = api.routes + (pages?.routes ?? [])
        addresses = server.addresses
        self.logger = logger
        self.onListening = onListening
    }

    /// Binds and serves. Throws an `OperatorError` if it cannot bind.
    package func run() async throws {
        for warning in settings.access.warnings { logger.warning("\(warning)") }
        let connections = OpenConnections(max: OpenFiles.adminConnections(below: OpenFiles.limit))
        let http = HTTP1Channel(responder: responder(connections))
        // `OpenConnections` limits the number of connections. Admission only logs and retries if accepting fails.
        let admission = ConnectionAdmission(capacity: .max, name: "admin API", logger: logger)
        let listener = AdminListener(
            address: settings.address, http: http, connections: connections, admission: admission, logger: quietLogger)
        let (channel, file) = try await listener.bind()
        let address = settings.address.bound(to: channel.channel.localAddress)
        logger.debug("admin API listening", metadata: ["address": "\(address)"])
        addresses.admin = address
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
        quiet.logLevel = max(logger.logLevel, .warning)
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
                logger.error("admin API stopped accepting connections", metadata: ["error": "\(error)"])
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

/// The settings of the admin API.
package struct AdminSettings: Sendable {
    /// The address to bind. Port 0 lets the system choose a port.
    package var address: ListenAddress
    /// The access rules.
    package var access: AccessSettings
    /// Additional host names by which clients reach the API, such as that of a proxy.
    package var hosts: [String]
    /// The time for which a link that signs in to the dashboard is valid.
    package var signInLifetime = SignInCodes.standardLifetime

    package init(address: ListenAddress, access: AccessSettings, hosts: [String] = []) {
        self.address = address
        self.access = access
        self.hosts = hosts
    }

    /// Throws an error unless a value of `--admin-host` is a host without a port.
    package static func validate(host: String) throws(OperatorError) {
        guard let name = HostName(host), name.name == host.lowercased() else {
            throw OperatorError("--admin-host \(host): expected a host name or address without a port")
        }
    }

    /// Parses the value of `--admin`. Returns nil for `off`. Throws an error that names the option.
    package static func address(parsing text: String) throws(OperatorError) -> ListenAddress? {
        if text == "off" { return nil }
        do throws(OperatorError) {
            return try ListenAddress(parsing: text)
        } catch {
            let sentence = error.description.replacing("--listen", with: "--admin", maxReplacements: 1)
            throw OperatorError("\(sentence), or off")
        }
    }
}
