import Dispatch
import Foundation
import Synchronization
package import TollgateRedis

/// A real redis-server for one test, on a Unix socket in its own folder, without persistence. It is stopped when this
/// object is released.
///
/// Usable from any thread. Its calls block for at most 15 seconds.
package final class TestRedis: Sendable {
    /// The maximum time of a call, in seconds.
    private static let patience = 15

    private let folder: TemporaryFolder
    private let password: String?
    private let arguments: [String]
    private let environment: [String: String]
    private let hasFunctions: Bool
    private let process = Mutex<Process?>(nil)

    /// The port on 127.0.0.1; nil if the server was started without TCP.
    package let port: Int?

    /// The server's Unix socket.
    package var socketPath: String { folder.path + "/redis.sock" }

    /// Starts the server, and waits until it answers.
    ///
    /// - Parameters:
    ///   - arguments: Arguments to add to the command line.
    ///   - environment: Variables to add to the environment.
    ///   - hasFunctions: Whether the default user may call Redis functions.
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

    /// The address of the Unix socket, with the password.
    package var address: RedisAddress {
        RedisAddress(endpoint: .unix(path: socketPath), credentials: credentials)
    }

    /// The address over TCP, with the password. Throws if the server was started without TCP.
    package var tcpAddress: RedisAddress {
        get throws {
            guard let port else { throw TestFailure("this TestRedis was started without a TCP port") }
            return RedisAddress(endpoint: .tcp(host: "127.0.0.1", port: port), credentials: credentials)
        }
    }

    private var credentials: (user: String?, password: String)? { password.map { (nil, $0) } }

    /// Starts the server again after ``stop()``, on the same socket and port, without data.
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

    /// Kills the server, and waits until it has ended.
    package func stop() {
        guard let process = process.withLock({ $0.take() }), process.isRunning else { return }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        // The next server would seem to be ready by the socket of the killed one.
        unlink(socketPath)
    }

    /// Suspends the server, with its connections open, or resumes it.
    package func freeze(_ isFrozen: Bool) {
        process.withLock { process in
            guard let process else { return }
            _ = kill(process.processIdentifier, isFrozen ? SIGSTOP : SIGCONT)
        }
    }

    /// Sends a command on a new connection, and returns the reply as redis-cli prints it, without the last line end. An
    /// error reply is returned as text. Throws if there is no reply.
    @discardableResult
    package func cli(_ arguments: String...) throws -> String {
        try cli(arguments)
    }

    /// Sends a command on a new connection, given as an array of words.
    @discardableResult
    package func cli(_ arguments: [String]) throws -> String {
        let conversation = try RedisConversation(socketPath: socketPath, timeout: Self.patience)
        if let password { _ = try conversation.ask(["AUTH", password]) }
        return try conversation.ask(arguments)
    }
}

// MARK: - Functions

/// Redis functions. The tests can run without them; the sidecar then uses EVALSHA.
extension TestRedis {
    /// Whether TOLLGATE_TEST_WITHOUT_FUNCTIONS=1 is set, for servers that deny functions to all users.
    package static let deniesFunctions = ProcessInfo.processInfo.environment["TOLLGATE_TEST_WITHOUT_FUNCTIONS"] == "1"

    /// The command with which the sidecar calls Lua, as INFO commandstats names it.
    package static let luaCommand = deniesFunctions ? "evalsha" : "fcall"

    /// Denies functions to the default user.
    func denyFunctions() throws {
        try cli("ACL", "SETUSER", "default", "-fcall", "-function")
    }

    /// Removes all loaded functions and scripts.
    package func forgetFunctions() throws {
        try cli(["SCRIPT", "FLUSH"])
        try cli(["FUNCTION", "FLUSH"])
    }
}

// MARK: - Data

extension TestRedis {
    /// The fields of a hash; empty if it does not exist.
    package func hash(_ key: String) throws -> [String: String] {
        let lines = try cli("HGETALL", key).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.count > 1 else { return [:] }
        let pairs = stride(from: 0, to: lines.count - 1, by: 2).map { (lines[$0], lines[$0 + 1]) }
        return Dictionary(uniqueKeysWithValues: pairs)
    }
}

/// The number of calls of each command since CONFIG RESETSTAT.
package func commandCounts(_ redis: TestRedis) throws -> [String: Int] {
    var counts: [String: Int] = [:]
    for line in try redis.cli("INFO", "commandstats").split(whereSeparator: \.isNewline) {
        guard line.hasPrefix("cmdstat_"), let calls = line.split(separator: "calls=").dropFirst().first else {
            continue
        }
        counts[String(line.dropFirst("cmdstat_".count).prefix { $0 != ":" })] = Int(calls.prefix { $0 != "," })
    }
    return counts
}

extension TestRedis {
    /// Starts a Redis on its own thread, because it blocks until Redis replies.
    package static func started() async throws -> TestRedis {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Result { try TestRedis() }) }
        }
    }
}
