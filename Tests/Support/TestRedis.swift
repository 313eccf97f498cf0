import Foundation
import Synchronization
package import TollgateRedis

/// A real redis-server for one test: on a Unix socket in a folder of its own, with nothing on disk; gone with this
/// object.
///
/// Usable from any thread. Its calls block until they are done, 15 seconds at most.
package final class TestRedis: Sendable {
    /// The most seconds that a call waits.
    private static let patience = 15

    private let folder: TemporaryFolder
    private let password: String?
    private let arguments: [String]
    private let environment: [String: String]
    private let hasFunctions: Bool
    private let process = Mutex<Process?>(nil)

    /// The port on 127.0.0.1, where one was asked for.
    package let port: Int?

    /// The server's Unix socket.
    package var socketPath: String { folder.path + "/redis.sock" }

    /// Starts the server and waits until it answers. `arguments` are added to its command line, `environment` to its
    /// environment. Without `hasFunctions` its default user may not call Redis functions.
    package init(
        tcp: Bool = false, password: String? = nil, arguments: [String] = [], environment: [String: String] = [:],
        hasFunctions: Bool = !TestRedis.deniesFunctions
    ) throws {
        folder = try TemporaryFolder()
        port = tcp ? findFreePort() : nil
        self.password = password
        self.arguments = arguments
        self.environment = environment
        self.hasFunctions = hasFunctions
        try start()
    }

    deinit {
        stop()
    }

    /// Over the Unix socket, with the password where there is one.
    package var address: RedisAddress {
        RedisAddress(endpoint: .unix(path: socketPath), credentials: credentials)
    }

    /// The same over TCP; throws where no port was asked for.
    package var tcpAddress: RedisAddress {
        get throws {
            guard let port else { throw TestFailure("this TestRedis was started without a TCP port") }
            return RedisAddress(endpoint: .tcp(host: "127.0.0.1", port: port), credentials: credentials)
        }
    }

    private var credentials: (user: String?, password: String)? { password.map { (nil, $0) } }

    /// Starts the server again after ``stop()``: on the same socket and port, empty.
    package func start() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            [
                "redis-server", "--port", "\(port ?? 0)", "--bind", "127.0.0.1", "--unixsocket", socketPath,
                "--save", "", "--appendonly", "no", "--dir", folder.path, "--logfile", folder.path + "/redis.log",
            ] + (password.map { ["--requirepass", $0] } ?? []) + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        self.process.withLock { $0 = process }
        try waitUntilAnswering(process)
        if !hasFunctions { try denyFunctions() }
    }

    private func waitUntilAnswering(_ process: Process) throws {
        let deadline = ContinuousClock.now + .seconds(Self.patience)
        while ContinuousClock.now < deadline, process.isRunning {
            if (try? cli("PING")) == "PONG" { return }
            Thread.sleep(forTimeInterval: 0.002)
        }
        let log = (try? String(contentsOfFile: folder.path + "/redis.log", encoding: .utf8)) ?? ""
        throw TestFailure("redis-server does not answer on \(socketPath):\n\(log)")
    }

    /// Ends the server as a crash would, and waits until it is gone.
    package func stop() {
        guard let process = process.withLock({ $0.take() }), process.isRunning else { return }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        // What a killed server leaves would be taken for the next one's.
        unlink(socketPath)
    }

    /// Makes the server stop answering, its connections still open, or go on.
    package func freeze(_ isFrozen: Bool) {
        process.withLock { process in
            guard let process else { return }
            _ = kill(process.processIdentifier, isFrozen ? SIGSTOP : SIGCONT)
        }
    }

    /// Asks the server on a connection of its own, and returns the reply as redis-cli prints it, without the last line's end.
    /// An error reply is text like any other. Throws where no reply comes.
    @discardableResult
    package func cli(_ arguments: String...) throws -> String {
        try cli(arguments)
    }

    /// Asks the server on a connection of its own; the words of the command as an array.
    @discardableResult
    package func cli(_ arguments: [String]) throws -> String {
        let conversation = try RedisConversation(socketPath: socketPath, timeout: Self.patience)
        if let password { _ = try conversation.ask(["AUTH", password]) }
        return try conversation.ask(arguments)
    }
}
