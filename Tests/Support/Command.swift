import Foundation

/// The result of a program that has ended.
package struct Command: Sendable {
    /// The exit status, or the signal that ended the program.
    package var status: Int32
    /// The standard output.
    package var output: String
    /// The standard error.
    package var errors: String

    /// Runs a program, found in PATH or by its path, with `input` as its standard input. Kills it after `patience`
    /// seconds.
    package static func run(
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
        let handles = [
            try FileHandle(
                forReadingFrom: URL(fileURLWithPath: input.map { try folder.write($0, to: "in") } ?? "/dev/null")),
            try FileHandle(forWritingTo: output), try FileHandle(forWritingTo: errors),
        ]
        // A `Process` may never be released. With more than 1 300 open files, its `run()` can read beyond its list of them.
        defer { for handle in handles { try? handle.close() } }
        (process.standardInput, process.standardOutput, process.standardError) = (handles[0], handles[1], handles[2])
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
