import Foundation
import TollgateTestSupport

/// Debian's Chromium, driven with selenium by the scripts of the folder `Browser`.
enum Browser {
    /// The folder of the scripts.
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Browser").path()

    /// The style sheet and the script of the pages.
    static let assets = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Sources/TollgateDashboard/Assets").path()

    /// Runs a script, which reads the settings from its standard input as JSON. A script that fails says which step, and
    /// what the page was like.
    ///
    /// - Parameters:
    ///   - script: The name of the script without its suffix.
    ///   - settings: The settings, such as the address of the pages and a token.
    ///   - patience: The number of seconds after which the script ends itself.
    /// - Throws: `TestFailure` with the output of a script that fails.
    static func run(_ script: String, _ settings: [String: String], patience: Int = 300) async throws {
        let given = settings.merging(["seconds": "\(patience)"]) { $1 }
        let result = try await Command.run(
            Python.program, ["-u", "\(folder)/\(script).py"],
            input: String(decoding: try JSONEncoder().encode(given), as: UTF8.self),
            environment: ["PYTHONDONTWRITEBYTECODE": "1"], patience: Double(patience + 30))
        guard result.status == 0 else {
            throw TestFailure("\(script) ended with \(result.status)\n\(result.output)\(result.errors)")
        }
    }
}
