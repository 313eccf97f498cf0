import Foundation

/// A program that runs during a test. It is killed when this object is released.
package final class BackgroundProgram: @unchecked Sendable {
    package let folder: TemporaryFolder
    private let process = Process()

    package init(_ program: String, _ arguments: [String], folder: TemporaryFolder) throws {
        self.folder = folder
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        let output = try FileHandle(forWritingTo: folder.emptyFile("output"))
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        try process.run()
    }

    deinit {
        guard process.isRunning else { return }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// The output so far.
    package var output: String { (try? String(contentsOfFile: folder.path + "/output", encoding: .utf8)) ?? "" }

    /// Waits for a text in the output, and returns the number after its last occurrence.
    package func number(after mark: String) async throws -> Int {
        var number: Int?
        try await eventually(within: .seconds(30)) {
            guard self.process.isRunning else { throw TestFailure("it has ended: \(self.output)") }
            guard let place = self.output.range(of: mark, options: .backwards) else { return false }
            let digits = self.output[place.upperBound...].prefix { $0.isNumber }
            // An incomplete line may end within the number.
            number = digits.endIndex < self.output.endIndex ? Int(digits) : nil
            return number != nil
        }
        return number ?? 0
    }
}
