public import Foundation

/// A program run to its end.
public struct Command: Sendable {
    public var status: Int32
    public var output: String
    public var errors: String

    /// Runs a program found in PATH, or by its path, with `input` on its standard input. Kills it after `patience` seconds.
    public static func run(
        _ program: String, _ arguments: [String], input: String? = nil, workingFolder: String? = nil,
        environment: [String: String] = [:], patience: Double = 120
    ) async throws -> Command {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let folder = try TemporaryFolder()
        let output = try folder.emptyFile("out")
        let errors = try folder.emptyFile("err")
        if let workingFolder { process.currentDirectoryURL = URL(fileURLWithPath: workingFolder) }
        process.standardInput = try FileHandle(
            forReadingFrom: URL(fileURLWithPath: input.map { try folder.write($0, to: "in") } ?? "/dev/null"))
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: errors)
        let running = UncheckedProcess(process: process)
        let killer = Task {
            try await Task.sleep(for: .seconds(patience))
            kill(running.process.processIdentifier, SIGKILL)
        }
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in continuation.resume() }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        killer.cancel()
        return Command(
            status: process.terminationStatus,
            output: String(decoding: try Data(contentsOf: output), as: UTF8.self),
            errors: String(decoding: try Data(contentsOf: errors), as: UTF8.self))
    }

    private struct UncheckedProcess: @unchecked Sendable {
        let process: Process
    }
}

/// A folder that is gone with the value that names it.
public final class TemporaryFolder: Sendable {
    public let path: String

    public init() throws {
        path = NSTemporaryDirectory() + "tollgate-test-" + UUID().uuidString.prefix(13)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    public func emptyFile(_ name: String) throws -> URL {
        let url = URL(fileURLWithPath: "\(path)/\(name)")
        try Data().write(to: url)
        return url
    }

    @discardableResult
    public func write(_ text: String, to name: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
        return "\(path)/\(name)"
    }
}
