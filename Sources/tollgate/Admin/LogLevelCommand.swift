import ArgumentParser
import Foundation
import Logging
import TollgateAdmin

/// The command `tollgate log-level debug --for 10m`.
struct LogLevelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log-level", abstract: "Print or change the log level of a running sidecar.",
        discussion: "Without a level, prints the one in force. A restart sets the level of --log-level again.")
    @OptionGroup var options: AdminOptions

    @Argument(
        help: "The least level of log lines: trace, debug, info, notice, warning, error or critical.",
        transform: Self.level)
    var level: String?

    @Option(
        name: .customLong("for"),
        help: ArgumentHelp(
            "How long, such as 30s, 10m or 2h, at most 24h; then the level before is back.", valueName: "duration"),
        transform: Self.seconds)
    var duration: Int64?

    func validate() throws {
        guard level != nil || duration == nil else { throw ValidationError("--for: expected a level before it.") }
    }

    func run() async throws {
        try await options.run { client in
            guard let level else { return try await client.send(AdminRequest(.get, "v1", "log-level")) }
            var members: [String: JSONValue] = ["level": .string(level)]
            members["seconds"] = duration.map { .integer($0) }
            return try await client.send(AdminRequest(.put, "v1", "log-level", body: JSONValue.object(members).json))
        } text: {
            AdminText.logLevel($0)
        }
    }

    private static func level(_ text: String) throws -> String {
        guard let level = Logger.Level(rawValue: text.lowercased()) else {
            let names = Logger.Level.allCases.map(\.rawValue)
            throw ValidationError("expected \(names.dropLast().joined(separator: ", ")) or \(names.last ?? "").")
        }
        return level.rawValue
    }

    private static func seconds(_ text: String) throws -> Int64 {
        guard let duration = Duration(setting: text), duration >= .seconds(1), duration <= .seconds(86_400),
            duration.components.attoseconds == 0
        else { throw ValidationError("expected whole seconds up to 24h, such as 30s, 10m or 2h.") }
        return duration.components.seconds
    }
}

extension AdminText {
    /// Formats a log level: `debug until 2026-11-30T14:03:10.214Z, then info`.
    static func logLevel(_ answer: JSONValue) -> String {
        let end = answer["until"].string.map { " until \($0), then \(answer["next_level"].text)" } ?? ""
        return JSONValue.printable(answer["level"].text + end)
    }
}
