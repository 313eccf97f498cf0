import Foundation

/// `Examples/webhook-receiver.py`, receiving alerts on a port of its own; killed with this object.
///
/// Usable from any thread.
package final class WebhookReceiver: @unchecked Sendable {
    /// What it has been told, in order: an event, and the alert's severity, limit, threshold and id.
    package struct Line: Sendable, Hashable {
        /// `opened`, `acknowledged` or `resolved`.
        package let event: String
        /// `user:alice/cost/day`
        package let limit: String
        /// In percent.
        package let threshold: String
        /// The alert's.
        package let id: String
    }

    /// The secret that webhooks have to be signed with.
    package static let secret = "a-secret-of-the-tests"

    /// Where it listens.
    package let url: String
    private let folder: TemporaryFolder
    private let process = Process()

    /// Throws `TestFailure` where it does not get ready in 20 seconds.
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
        let mark = "listening on "
        try await eventually(within: .seconds(20)) { Self.lines(in: folder).first?.hasPrefix(mark) == true }
        url = "http://\(Self.lines(in: folder)[0].dropFirst(mark.count))/"
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    /// Lets it take connections without answering, or go on.
    package func freeze(_ isFrozen: Bool) {
        kill(process.processIdentifier, isFrozen ? SIGSTOP : SIGCONT)
    }

    /// The file of `--alerts` that has each of them told, as `hook0` and so on, and the secret beside it; gives its path.
    package static func writeSettings(for receivers: [WebhookReceiver], into folder: TemporaryFolder) throws -> String {
        try folder.write(secret, to: "hook-secret")
        let handlers = receivers.enumerated().map {
            "  - { name: hook\($0.offset), type: webhook, url: \"\($0.element.url)\", secret_file: hook-secret }\n"
        }
        return try folder.write("receivers:\n" + handlers.joined(), to: "alerts.yaml")
    }

    /// What it has been told so far.
    package var received: [Line] {
        Self.lines(in: folder).dropFirst().compactMap { line in
            let words = line.split(separator: " ").map(String.init)
            guard words.count == 6 else { return nil }
            return Line(event: words[0], limit: words[2], threshold: words[3], id: words[5])
        }
    }

    /// Whole ones only.
    private static func lines(in folder: TemporaryFolder) -> [String] {
        let text = (try? String(contentsOfFile: folder.path + "/out", encoding: .utf8)) ?? ""
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }
}
