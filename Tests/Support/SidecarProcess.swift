import Foundation

/// The built `tollgate`, serving as a process of its own; killed with this object if it still runs then.
///
/// Usable from any thread.
package final class SidecarProcess: @unchecked Sendable {
    /// The program to test that the environment names, such as a release build; nil for that of the same build.
    package static let givenProgram = ProcessInfo.processInfo.environment["TOLLGATE_TEST_PROGRAM"]

    /// The path of the program; that of the same build stands beside the test bundle.
    package static let program: String = {
        if let givenProgram { return givenProgram }
        let bundle = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: bundle).deletingLastPathComponent().path + "/tollgate"
    }()

    /// Holds the policy file `tollgate.yaml` and the socket; also the folder that the process works in.
    package let folder: TemporaryFolder
    /// Where it listens, besides what the arguments name.
    package let socketPath: String
    /// Where the admin API listens, unless the arguments name another place.
    package var adminSocketPath: String { folder.path + "/admin.sock" }
    /// The folder's `tollgate.yaml`.
    package let policyPath: String
    private let logPath: String
    private let process = Process()

    /// Starts `tollgate serve` on a Unix socket, and waits until all its connections to Redis are ready.
    ///
    /// - Parameters:
    ///   - policy: The text of the policy file; where it is empty, of one that says that it has no limits.
    ///   - arguments: Added to the command line.
    ///   - environment: Added to the environment of the tests.
    ///   - openFiles: Its limits of open files, as `ulimit` takes them: `-S -n 256`; nil leaves those of the tests.
    ///   - folder: That of a sidecar that is gone, to start over its files; nil makes one.
    ///   - waitsUntilReady: Whether to wait; without, it has only been started.
    /// - Throws: `TestFailure` with the log when it ends, or does not get ready in 20 seconds.
    package init(
        policy: String, arguments: [String], environment: [String: String] = [:], openFiles: String? = nil,
        folder: TemporaryFolder? = nil, waitsUntilReady: Bool = true
    ) async throws {
        self.folder = try folder ?? TemporaryFolder()
        socketPath = self.folder.path + "/tollgate.sock"
        logPath = self.folder.path + "/log"
        policyPath = try self.folder.write(policy.isEmpty ? "no_limits: true\n" : policy, to: "tollgate.yaml")
        process.executableURL = URL(fileURLWithPath: Self.program)
        process.arguments =
            ["serve", "--policy", policyPath, "--listen", "unix:\(socketPath)"]
            + (arguments.contains("--admin") ? [] : ["--admin", "unix:\(adminSocketPath)"]) + arguments
        if let openFiles {
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments =
                ["-c", #"ulimit \#(openFiles) && exec "$0" "$@""#, Self.program] + (process.arguments ?? [])
        }
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.currentDirectoryURL = URL(fileURLWithPath: self.folder.path)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = try FileHandle(forWritingTo: self.folder.emptyFile("log"))
        try process.run()
        guard waitsUntilReady else { return }
        do {
            try await waitUntilReady(token: environment["TOLLGATE_TOKEN"])
        } catch let failure as TestFailure {
            throw TestFailure("tollgate did not get ready: \(failure)\n\(log)")
        }
    }

    private func waitUntilReady(token: String?) async throws {
        try await eventually(within: .seconds(20)) {
            guard self.isRunning else { throw TestFailure("it ended with status \(self.process.terminationStatus)") }
            guard let client = try? self.client() else { return false }
            if let token { _ = try await client.ask("AUTH \"\(token)\"") }
            let links = try await client.ask("INFO")[0].split(separator: #""links":["#).dropFirst().first
            return links?.split(separator: "]").first?.split(separator: ",").allSatisfy { $0 == #""ready""# } ?? false
        }
    }

    /// What it has written to standard error.
    package var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }

    /// Whether the process has not ended.
    package var isRunning: Bool { process.isRunning }

    /// The number of the process.
    package var processIdentifier: Int32 { process.processIdentifier }

    /// A new connection to its Unix socket.
    package func client() throws -> SocketClient { try SocketClient(.unix(path: socketPath)) }

    /// Sends the process a signal.
    package func signal(_ signal: Int32) {
        kill(process.processIdentifier, signal)
    }

    /// Waits until it has ended, 20 seconds at most, and gives its exit status.
    package func end() async throws -> Int32 {
        try await eventually(within: .seconds(20)) { !self.process.isRunning }
        return process.terminationStatus
    }

    /// Ends it in good order and gives its exit status.
    package func stop() async throws -> Int32 {
        signal(SIGTERM)
        return try await end()
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }
}
