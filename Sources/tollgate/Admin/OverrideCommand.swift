import ArgumentParser
import Foundation
import TollgateAdmin
import TollgateCore
import TollgatePolicy

/// The command `tollgate override`.
struct OverrideCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "override", abstract: "Change the limits of a scope temporarily.",
        subcommands: [OverrideSet.self, OverrideClear.self])
}

/// The command `tollgate override set user:alice --add cost/month=50 --for 1h --reason deadline`.
struct OverrideSet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Set an override, which replaces the current one.")
    @OptionGroup var options: AdminOptions

    @Argument(help: "user:alice, user:alice+tool:search, or global", transform: RequestArgument.scope)
    var scope: String
    @Option(
        help: ArgumentHelp(
            "An amount to add to a limit, such as cost/month=50; may be repeated.", valueName: "limit=amount"),
        transform: LimitArgument.init)
    var add: [LimitArgument] = []
    @Option(
        help: ArgumentHelp(
            "A limit that replaces the scope's own, such as requests/1m=100 or cost/day=unlimited; may be repeated.",
            valueName: "limit=max"),
        transform: LimitArgument.init)
    var limit: [LimitArgument] = []
    @Option(
        help: ArgumentHelp("The duration, such as 90s, 30m, 1h or 7d.", valueName: "duration"), transform: Self.seconds)
    var `for`: Int64?
    @Option(help: ArgumentHelp("Until when: 2026-11-22T10:00:00Z.", valueName: "time"))
    var until: String?
    @Option(help: "The reason, for the audit log and the user's page.")
    var reason: String

    func validate() throws {
        guard (`for` == nil) != (until == nil) else { throw ValidationError("Expected one of --for and --until.") }
        if let until, PolicyReader.date(until) == nil {
            throw ValidationError("--until \(until): expected a time such as 2026-11-22T10:00:00Z.")
        }
        guard !add.isEmpty || !limit.isEmpty else { throw ValidationError("Expected a limit in --add or --limit.") }
        try LimitArgument.requireDistinct(add)
        try LimitArgument.requireDistinct(limit)
        if let unlimited = add.first(where: { $0.amount == nil }) {
            throw ValidationError("--add \(unlimited.name): expected an amount; use --limit for unlimited.")
        }
    }

    func run() async throws {
        let end = until ?? AdminBody.end(`for` ?? 0, after: Date())
        let body = try AdminBody.override(limits: limit, additions: add, end: end, reason: reason)
        let request = AdminRequest(.put, "v1", "scopes", scope, "override", body: body)
        try await options.run {
            try await $0.replace(request)
        } text: {
            AdminText.override($0, of: scope)
        }
    }

    /// Parses a duration such as `90s`, `30m`, `1h` or `7d`, up to a year. Throws an error that quotes it.
    static func seconds(parsing text: String) throws -> Int64 {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()), count > 0,
            count <= 366 * 86_400 / unit
        else { throw ScopeError("expected a duration from 1s to 366d, such as 90s, 30m, 1h or 7d") }
        return count * unit
    }
}

/// The command `tollgate override clear user:alice`.
struct OverrideClear: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clear", abstract: "End an override.",
        discussion: "Exits with status 0 also if the scope has none.")
    @OptionGroup var options: AdminOptions

    @Argument(help: "user:alice, user:alice+tool:search, or global", transform: RequestArgument.scope)
    var scope: String

    func run() async throws {
        let request = AdminRequest(.delete, "v1", "scopes", scope, "override")
        try await options.run {
            // No override is what was asked for.
            try await $0.deleteIfPresent(request)
                ?? AdminReply(status: 200, body: Data(#"{"status":"ok","existed":false}"#.utf8))
        } text: {
            $0["existed"] == .bool(false) ? "\(scope): had no override" : "\(scope): override ended"
        }
    }
}

/// The command `tollgate overrides`.
struct Overrides: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the overrides that have not ended, the next to end first.")
    @OptionGroup var options: AdminOptions

    @Argument(help: "One scope, such as user:alice; all if omitted", transform: RequestArgument.scope)
    var scope: String?
    @Option(help: "The maximum number of overrides, 1 to 10000.", transform: RequestArgument.limit)
    var limit = 50

    func run() async throws {
        try await options.run { client in
            if let scope {
                return try await client.send(AdminRequest(.get, "v1", "overrides", query: [("scope", scope)]))
            }
            return try await client.pages(atMost: limit) { AdminRequest.page("overrides", of: $0, after: $1) }
        } text: {
            AdminText.overrides($0, on: .current)
        }
    }
}
