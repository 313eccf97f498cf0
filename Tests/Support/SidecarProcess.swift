import Foundation

/// A process of the built `tollgate serve`, killed when this object is released.
///
/// Usable from any thread.
package final class SidecarProcess: @unchecked Sendable {
    /// The program that the environment names, such as a release build; nil for the program of this build.
    package static let givenProgram = ProcessInfo.processInfo.environment["TOLLGATE_TEST_PROGRAM"]

    /// The path of the program. That of this build is beside the test bundle.
    package static let program: String = {
        if let givenProgram { return givenProgram }
        let bundle = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: bundle).deletingLastPathComponent().path + "/tollgate"
    }()

    /// The working folder of the process, with the policy file `tollgate.yaml` and the sockets.
    package let folder: TemporaryFolder
    /// The Unix socket on which the sidecar listens, besides those in the arguments.
    package let socketPath: String
    /// The Unix socket of the admin API, unless the arguments name another address.
    package var adminSocketPath: String { folder.path + "/admin.sock" }
    /// The path of the policy file.
    package let policyPath: String
    private let logPath: String
    private let process = Process()

    /// Starts `tollgate serve` on a Unix socket, and waits until all its connections to Redis are ready.
    ///
    /// - Parameters:
    ///   - policy: The text of the policy file; empty for one without limits.
    ///   - arguments: Arguments to add to the command line.
    ///   - environment: Variables to add to the environment of the tests.
    ///   - openFiles: The limits of open files as arguments of `ulimit`, `-S -n 256`; nil for those of the tests.
    ///   - folder: The folder of an earlier sidecar, whose files are used again; nil for a new one.
    ///   - waitsUntilReady: Whether to wait until the sidecar is ready.
    /// - Throws: `TestFailure` with the log if the sidecar ends, or is not ready within 20 seconds.
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
            let links = try await client.ask("STATUS")[0].split(separator: #""links":["#).dropFirst().first
            return links?.split(separator: "]").first?.split(separator: ",").allSatisfy { $0 == #""ready""# } ?? false
        }
    }

    /// The standard error of the process.
    package var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }

    /// Whether the process is running.
    package var isRunning: Bool { process.isRunning }

    /// The process id.
    package var processIdentifier: Int32 { process.processIdentifier }

    /// Connects to the Unix socket.
    package func client() throws -> SocketClient { try SocketClient(.unix(path: socketPath)) }

    /// Sends the process a signal.
    package func signal(_ signal: Int32) {
        kill(process.processIdentifier, signal)
    }

    /// Waits at most 20 seconds until the process has ended, and returns its exit status.
    package func end() async throws -> Int32 {
        try await eventually(within: .seconds(20)) { !self.process.isRunning }
        return process.terminationStatus
    }

    /// Shuts the sidecar down gracefully, and returns its exit status.
    package func stop() async throws -> Int32 {
        signal(SIGTERM)
        return try await end()
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }
}

// MARK: - Admin API

/// A response of the admin API.
package struct HTTPAnswer: Sendable {
    /// The status, such as 200.
    package var status: Int
    /// The headers by their names in lower case.
    package var headers: [String: String]
    /// The body as text.
    package var body: String
}

extension SidecarProcess {
    /// Sends a request to the admin API on its Unix socket, with the token of the data folder.
    package func ask(
        _ method: String, _ path: String, _ body: String = "", headers: [String: String] = [:],
        data: String = "tollgate-data"
    ) async throws -> HTTPAnswer {
        let token = try? String(contentsOfFile: "\(folder.path)/\(data)/admin-token", encoding: .utf8)
        let all = [
            "Host": "localhost", "Connection": "close", "Content-Length": "\(body.utf8.count)",
            "Content-Type": "application/json",
            "Authorization": "Bearer \(token?.trimmingCharacters(in: .whitespacesAndNewlines) ?? "")",
        ].merging(headers) { $1 }
        let client = try SocketClient(.unix(path: adminSocketPath))
        let head = all.map { "\($0.key): \($0.value)\r\n" }.sorted().joined()
        try await client.send("\(method) \(path) HTTP/1.1\r\n\(head)\r\n\(body)")
        var lines: [String] = []
        while let line = try await client.readLine(), !line.isEmpty { lines.append(line) }
        let status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        var answer = HTTPAnswer(status: status ?? 0, headers: [:], body: "")
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            answer.headers[parts[0].lowercased()] = parts.last?.trimmingCharacters(in: .whitespaces)
        }
        answer.body = String(decoding: try await client.readToEnd(), as: UTF8.self)
        return answer
    }
}
