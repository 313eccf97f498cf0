import Foundation
import TollgateTestSupport

/// The built `tollgate`, as a process of its own.
final class SidecarProcess: @unchecked Sendable {
    /// Beside the test bundle.
    static let program: String = {
        let bundle = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return URL(fileURLWithPath: bundle).deletingLastPathComponent().path + "/tollgate"
    }()

    let folder: TemporaryFolder
    let socketPath: String
    private let process = Process()

    /// Starts `tollgate serve` on a Unix socket, and waits until it answers.
    init(policy: String, arguments: [String]) async throws {
        folder = try TemporaryFolder()
        socketPath = folder.path + "/tollgate.sock"
        let policyPath = try folder.write(policy, to: "tollgate.yaml")
        process.executableURL = URL(fileURLWithPath: Self.program)
        process.arguments = ["serve", "--policy", policyPath, "--listen", "unix:\(socketPath)"] + arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = try FileHandle(forWritingTo: folder.emptyFile("log"))
        try process.run()
        try await eventually(within: .seconds(20)) { [socketPath] in
            guard let client = try? SocketClient(.unix(path: socketPath)) else { return false }
            return try await client.ask("INFO")[0].contains(#""links":["ready""#)
        }
    }

    var log: String { (try? String(contentsOfFile: folder.path + "/log", encoding: .utf8)) ?? "" }

    var isRunning: Bool { process.isRunning }

    func client() throws -> SocketClient { try SocketClient(.unix(path: socketPath)) }

    func signal(_ signal: Int32) {
        kill(process.processIdentifier, signal)
    }

    /// Ends it in good order and gives its exit status.
    func stop() async throws -> Int32 {
        signal(SIGTERM)
        try await eventually(within: .seconds(20)) { !self.process.isRunning }
        return process.terminationStatus
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }
}
