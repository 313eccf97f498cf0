import Foundation
import Logging
import Testing
import TollgateCore
import TollgatePolicy
import TollgateRedis
import TollgateTestSupport

@testable import TollgateServer

/// The addresses on which the sidecar listens.
@Suite struct ListenTests {
    private func sidecar(
        on addresses: [ListenAddress], redis: RedisAddress, token: String? = nil
    ) async throws -> Sidecar {
        var settings = ServerSettings(redis: redis, workers: 1)
        settings.listen = addresses
        settings.token = token
        return try await Sidecar(
            settings: settings, policy: try Policy(yaml: "", file: "test.yaml"),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private static let nowhere = RedisAddress(endpoint: .unix(path: "/nonexistent/redis.sock"), credentials: nil)

    @Test(
        "listening beyond loopback without a token is refused, whatever the other addresses",
        arguments: ["0.0.0.0:7379", "[::]:0", "10.1.2.3:7379", "example.com:7379"])
    func beyondLoopback(text: String) async throws {
        let address = try ListenAddress(parsing: text)
        let error = await #expect(throws: OperatorError.self) {
            try await sidecar(on: [.tcp(host: "127.0.0.1", port: 0), address], redis: Self.nowhere)
        }
        #expect(
            error?.description
                == "--listen \(text): listening beyond loopback needs a token; set one with --token-file or TOLLGATE_TOKEN"
        )
    }

    @Test("with a token the sidecar listens on every interface")
    func everyInterface() async throws {
        let sidecar = try await sidecar(
            on: [.tcp(host: "0.0.0.0", port: 0)], redis: Self.nowhere, token: "secret-of-the-tests")
        guard case .tcp(_, let port) = try #require(try await sidecar.start().first) else {
            throw TestFailure("no TCP address")
        }
        let client = try SocketClient(.tcp(port: port))
        #expect(try await client.ask("PING", "AUTH secret-of-the-tests", "PING").dropFirst() == ["OK", "PONG"])
        await sidecar.shutdown()
    }

    @Test("only the owner of a Unix socket can use it")
    func mode() async throws {
        try await withServer { harness in
            let attributes = try FileManager.default.attributesOfItem(atPath: harness.socketPath)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            #expect(try await harness.unixClient().ask("PING") == ["PONG"])
        }
    }

    @Test("the Unix socket of a live sidecar is not taken over")
    func liveSocket() async throws {
        try await withServer { harness in
            let second = try await sidecar(
                on: [.tcp(host: "127.0.0.1", port: 0), .unix(path: harness.socketPath)], redis: harness.redis.address)
            let error = await #expect(throws: OperatorError.self) { try await second.start() }
            #expect(error?.description == "--listen unix:\(harness.socketPath): another process listens there")
            #expect(try await harness.unixClient().ask("PING") == ["PONG"])
        }
    }

    @Test("the socket of a killed sidecar is taken over")
    func staleSocket() async throws {
        let redis = try TestRedis()
        let killed = try await SidecarProcess(policy: "", arguments: ["--redis", "\(redis.address)"])
        killed.signal(SIGKILL)
        try await eventually { !killed.isRunning }
        #expect(FileManager.default.fileExists(atPath: killed.socketPath))
        let sidecar = try await sidecar(on: [.unix(path: killed.socketPath)], redis: redis.address)
        _ = try await sidecar.start()
        #expect(try await killed.client().ask("PING") == ["PONG"])
        await sidecar.shutdown()
        #expect(!FileManager.default.fileExists(atPath: killed.socketPath))
    }

    @Test("a file that is not a socket is left alone")
    func foreignFile() async throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("precious", to: "notes.txt")
        let sidecar = try await sidecar(on: [.unix(path: path)], redis: Self.nowhere)
        let error = await #expect(throws: OperatorError.self) { try await sidecar.start() }
        #expect(error?.description == "--listen unix:\(path): the file exists and is not a socket")
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
    }

    @Test("the error names a port that is in use")
    func takenPort() async throws {
        try await withServer { harness in
            let second = try await sidecar(
                on: [.tcp(host: "127.0.0.1", port: harness.port)], redis: harness.redis.address)
            let error = await #expect(throws: OperatorError.self) { try await second.start() }
            #expect(error?.description.hasPrefix("--listen 127.0.0.1:\(harness.port): ") == true)
            #expect(error?.description.contains("in use") == true)
        }
    }
}
