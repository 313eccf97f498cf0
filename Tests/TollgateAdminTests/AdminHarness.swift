import AsyncHTTPClient
import Foundation
import HTTPTypes
import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Synchronization
import Testing
import TollgateCore
import TollgatePolicy
import TollgateServer
import TollgateStores
import TollgateTestSupport

@testable import TollgateAdmin

/// A sidecar in this process with a real Redis, and its admin API on a free port.
final class AdminHarness: Sendable {
    let redis: TestRedis
    let server: Sidecar
    let admin: ServiceGroup
    let address: ListenAddress
    /// The access in force.
    let access: ActiveAccess
    let log = CapturedLog()
    /// The responses of routes so far.
    let answers = Mutex<[Noted]>([])
    /// The Unix socket of the line protocol.
    let socketPath: String
    private let folder: TemporaryFolder
    private let running: Task<Void, any Error>

    static let tokens: [Role: String] = [
        .admin: "token-of-an-admin-1", .viewer: "token-of-a-viewer-2", .caller: "token-of-a-caller-3",
        .metrics: "token-of-a-scraper-4",
    ]

    static var access: AccessSettings {
        AccessSettings(tokens: tokens.map { .init(name: "the \($0.key.rawValue)", role: $0.key, token: $0.value) })
    }

    init(policy: String, redis: TestRedis?, access: AccessSettings, unix: Bool, waits: Bool) async throws {
        self.redis = if let redis { redis } else { try await TestRedis.started() }
        folder = try TemporaryFolder()
        socketPath = folder.path + "/tollgate.sock"
        var settings = ServerSettings(redis: self.redis.address, workers: 1)
        settings.listen = [.unix(path: socketPath)]
        // Long enough for slow machines.
        settings.deadline = .seconds(30)
        settings.journalPath = folder.path + "/journal.sqlite"
        // Tests publish alerts about limits that the policy does not have.
        settings.alertSweep = .seconds(3_600)
        settings.chargeSweep = .seconds(3_600)
        settings.peerInterval = .seconds(3_600)
        let logger = log.logger
        let server = try await Sidecar(
            settings: settings, policy: try Policy(yaml: policy, file: "test.yaml"), logger: logger)
        self.server = server
        _ = try await server.start()
        let (addresses, announce) = AsyncStream.makeStream(of: ListenAddress.self)
        let listen: ListenAddress = unix ? .unix(path: folder.path + "/admin.sock") : .tcp(host: "127.0.0.1", port: 0)
        let adminSettings = AdminSettings(address: listen, access: access)
        self.access = adminSettings.access
        let service = AdminServer(
            settings: adminSettings, server: server, policyFile: "test.yaml",
            testReceiver: { _ in ReceiverTest(failure: nil, status: 204, duration: .milliseconds(38)) },
            logger: logger, onListening: { announce.yield($0) })
        let group = ServiceGroup(services: [service], logger: CapturedLog().logger)
        admin = group
        running = Task {
            defer { announce.finish() }
            try await group.run()
        }
        var first = addresses.makeAsyncIterator()
        guard let address = await first.next() else {
            await server.shutdown()
            throw TestFailure("the admin API does not listen: \(log.text)")
        }
        self.address = address
        if waits { try await eventually { await server.isReady } }
    }

    /// Runs a command with the token of an administrator.
    func tollgate(_ words: [String]) async throws -> Command {
        let folder = try TemporaryFolder()
        return try await Command.run(
            SidecarProcess.program, words, workingFolder: folder.path, environment: environment)
    }

    /// The variables by which commands find this sidecar, with the token of an administrator.
    var environment: [String: String] {
        [
            "TOLLGATE_ADMIN_CONNECT": adminAddress, "TOLLGATE_ADMIN_TOKEN": Self.tokens[.admin] ?? "",
            "TOLLGATE_CONNECT": "unix:\(socketPath)",
        ]
    }

    private var adminAddress: String {
        switch address {
        case .tcp(let host, let port): "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    /// Runs a command with the token of an administrator.
    func tollgate(_ words: String...) async throws -> Command { try await tollgate(words) }

    func stop() async {
        await admin.triggerGracefulShutdown()
        _ = try? await running.value
        await server.shutdown()
    }

    /// Returns when the admin API has stopped.
    func ended() async throws { try await running.value }

    func lineClient() throws -> SocketClient { try SocketClient(.unix(path: socketPath)) }

    // MARK: - Requests

    /// A response.
    struct Answer {
        var status: Int
        var headers: [String: String]
        var text: String

        var json: JSONValue { (try? JSONValue(parsing: Data(text.utf8))) ?? .null }
        subscript(_ key: String) -> JSONValue? { json.members?[key] }
        /// The code of a problem, such as `bad_request`.
        var problem: String? { self["code"]?.text }
        var tag: String? { headers["etag"] }
        /// The invalid fields of a problem.
        var fields: [String] { self["errors"]?.items?.compactMap { $0.members?["field"]?.text } ?? [] }
    }

    /// Sends a request with the administrator's token, another token, or none.
    func ask(
        _ method: String, _ path: String, _ body: String? = nil, token: String? = AdminHarness.tokens[.admin],
        headers: [String: String] = [:]
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: base + path)
        request.method = .RAW(value: method)
        if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        if let body {
            request.body = .bytes(ByteBuffer(string: body))
            if headers["Content-Type"] == nil { request.headers.add(name: "Content-Type", value: "application/json") }
        }
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let bytes = try await response.body.collect(upTo: 1 << 24)
        note(method, path, Int(response.status.code), String(buffer: bytes))
        let fields = response.headers.map { ($0.name.lowercased(), $0.value) }
        return Answer(
            status: Int(response.status.code), headers: Dictionary(fields) { "\($0), \($1)" },
            text: String(buffer: bytes))
    }

    /// A response for schema validation.
    struct Noted: Encodable {
        var path: String
        var method: String
        var status: String
        var body: String
    }

    /// Records a response. The status must be in the OpenAPI document. `OpenAPITests` validates the body.
    private func note(_ method: String, _ path: String, _ status: Int, _ body: String) {
        let path = String(path.prefix { $0 != "?" })
        let routes = AdminAPI(server: server, policyFile: "").routes
        guard let route = routes.first(where: { $0.method.rawValue == method && $0.matches(path: path) }) else {
            return
        }
        let operation = OpenAPIDocument.json.members?["paths"]?.members?[route.path]?.members?[method.lowercased()]
        let documented = operation?.members?["responses"]?.members?.keys.map { $0 } ?? []
        #expect(documented.contains("\(status)"), "\(method) \(route.path) answers \(status)")
        let noted = Noted(path: route.path, method: method.lowercased(), status: "\(status)", body: body)
        answers.withLock { $0.append(noted) }
    }

    /// Sends raw bytes, and returns everything until the connection closes.
    func raw(_ request: String) async throws -> String {
        guard case .tcp(_, let port) = address else { throw TestFailure("not on a port") }
        let client = try SocketClient(.tcp(port: port))
        try await client.send(request)
        return String(decoding: try await client.readToEnd(), as: UTF8.self)
    }

    private var base: String {
        switch address {
        case .tcp(let host, let port): "http://\(host):\(port)"
        case .unix(let path): "http+unix://" + path.replacing("/", with: "%2F")
        }
    }
}

/// Runs a body with a sidecar, which is shut down afterwards.
func withAdmin(
    policy: String = "", redis: TestRedis? = nil, access: AccessSettings = AdminHarness.access, unix: Bool = false,
    waits: Bool = true, _ body: (AdminHarness) async throws -> Void
) async throws {
    let harness = try await AdminHarness(policy: policy, redis: redis, access: access, unix: unix, waits: waits)
    do {
        try await body(harness)
    } catch {
        await harness.stop()
        throw error
    }
    await harness.stop()
}
