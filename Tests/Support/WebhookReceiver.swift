import Foundation

/// A process of `Examples/webhook-receiver.py` on its own port, killed when this object is released.
///
/// Usable from any thread.
package final class WebhookReceiver: @unchecked Sendable {
    /// A delivery: an event, and the limit, threshold and id of the alert.
    package struct Line: Sendable, Hashable {
        /// The event: `opened`, `acknowledged` or `resolved`.
        package let event: String
        /// The limit, such as `user:alice/cost/day`.
        package let limit: String
        /// The threshold in percent.
        package let threshold: String
        /// The id of the alert.
        package let id: String
    }

    /// The secret of the signatures.
    package static let secret = "a-secret-of-the-tests"

    /// The URL of the receiver.
    package let url: String
    private let folder: TemporaryFolder
    private let process = Process()

    /// Starts the receiver. Throws `TestFailure` if it is not ready within 20 seconds.
    package init() async throws {
        let folder = try TemporaryFolder()
        self.folder = folder
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            Python.program, root.appending(path: "Examples/webhook-receiver.py").path, "0",
            try folder.write(Self.secret, to: "secret"),
        ]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: folder.emptyFile("out"))
        try process.run()
        let prefix = "listening on "
        try await eventually(within: .seconds(20)) { Self.lines(in: folder).first?.hasPrefix(prefix) == true }
        url = "http://\(Self.lines(in: folder)[0].dropFirst(prefix.count))/"
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    /// Suspends the process, which then accepts connections without answering, or resumes it.
    package func freeze(_ isFrozen: Bool) {
        kill(process.processIdentifier, isFrozen ? SIGSTOP : SIGCONT)
    }

    /// Writes a file for `--alerts` with the receivers `hook0`, `hook1` …, and the secret beside it. Returns its path.
    package static func writeSettings(for receivers: [WebhookReceiver], into folder: TemporaryFolder) throws -> String {
        try folder.write(secret, to: "hook-secret")
        let entries = receivers.enumerated().map {
            "  - { name: hook\($0.offset), type: webhook, url: \"\($0.element.url)\", secret_file: hook-secret }\n"
        }
        return try folder.write("receivers:\n" + entries.joined(), to: "alerts.yaml")
    }

    /// The deliveries so far.
    package var received: [Line] {
        Self.lines(in: folder).dropFirst().compactMap { line in
            let words = line.split(separator: " ").map(String.init)
            guard words.count == 6 else { return nil }
            return Line(event: words[0], limit: words[2], threshold: words[3], id: words[5])
        }
    }

    /// The complete lines of the output.
    private static func lines(in folder: TemporaryFolder) -> [String] {
        let text = (try? String(contentsOfFile: folder.path + "/out", encoding: .utf8)) ?? ""
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }
}
