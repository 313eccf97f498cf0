import ArgumentParser
import TollgateAdmin
import TollgateCore
import TollgatePolicy

/// The command `tollgate limit`.
struct LimitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "limit", abstract: "List, set and delete the limits of a scope.",
        subcommands: [LimitList.self, LimitSet.self, LimitDelete.self])

    static func path(_ scope: String) -> AdminRequest { AdminRequest(.get, "v1", "scopes", scope, "limits") }
}

/// The command `tollgate limit list tool:search`, and `tollgate limit list`.
struct LimitList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the limits in force for a scope, or all limits that administrators have set.")
    @OptionGroup var options: AdminOptions

    @Argument(
        help: "user:alice, user:alice+tool:search, or global; all scopes if omitted", transform: RequestArgument.scope)
    var scope: String?
    @Option(help: "Without a scope: the maximum number of scopes, 1 to 10000.", transform: RequestArgument.limit)
    var limit = 50

    func run() async throws {
        guard let scope else { return try await listAll() }
        try await options.run {
            try await $0.send(LimitCommand.path(scope))
        } text: {
            AdminText.effectiveLimits($0, on: .current)
        }
    }

    private func listAll() async throws {
        try await options.run { client in
            try await client.pages(atMost: limit) { AdminRequest.page("limits", of: $0, after: $1) }
        } text: {
            AdminText.limitsOfScopes($0, on: .current)
        }
    }
}

/// The command `tollgate limit set tool:search requests/1m=10`.
struct LimitSet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Set limits of a scope, and keep its others.",
        discussion: "A limit that is set already, also in the policy file, keeps what is not given.")
    @OptionGroup var options: AdminOptions

    @Argument(help: "user:alice, user:alice+tool:search, or global", transform: RequestArgument.scope)
    var scope: String
    @Argument(
        help: ArgumentHelp(
            "A limit, such as requests/1m=10, cost/request=0.5 or cost/month=unlimited.", valueName: "limit=max"),
        transform: LimitArgument.init)
    var limits: [LimitArgument]
    @Flag(help: "Count and report only, or deny (--enforce).")
    var mode: LimitModeFlag?
    @Option(
        help: ArgumentHelp(
            "The percentages of these limits at which Tollgate warns, such as 80,95; none for no warnings, default for the policy's.",
            valueName: "list"),
        transform: ThresholdsArgument.init)
    var thresholds: ThresholdsArgument?
    @Option(
        help: ArgumentHelp("Of an account: whose amount counts, own, provider or max.", valueName: "side"),
        transform: CountedSide.init(parsing:))
    var source: CountedSide?

    func validate() throws {
        guard !limits.isEmpty else { throw ValidationError("Expected a limit, such as requests/1m=10.") }
        try LimitArgument.requireDistinct(limits)
        if thresholds != nil, limits.contains(where: { $0.meter == .concurrent }) {
            throw ValidationError("--thresholds: a concurrent limit has no thresholds.")
        }
    }

    func run() async throws {
        try await options.run { client in
            let now = try await client.send(LimitCommand.path(scope))
            var request = LimitCommand.path(scope).matching(now.etag ?? "*")
            request.method = .put
            let merged = LimitArgument.merge(
                limits, mode: mode?.mode, thresholds: thresholds, counts: source,
                into: try AdminBody.limits(of: now.value()),
                over: try AdminBody.fileLimits(among: now.value()["effective"]))
            request.body = try AdminBody.limits(merged)
            return try await client.send(request)
        } text: {
            AdminText.effectiveLimits($0, on: .current)
        }
    }
}

/// The command `tollgate limit delete tool:search requests/1m`.
struct LimitDelete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete limits of a scope that administrators have set: the named ones, or all.")
    @OptionGroup var options: AdminOptions

    @Argument(help: "user:alice, user:alice+tool:search, or global", transform: RequestArgument.scope)
    var scope: String
    @Argument(
        help: ArgumentHelp("The name of a limit, such as requests/1m.", valueName: "limit"), transform: LimitName.init)
    var limits: [LimitName] = []

    func run() async throws {
        try await options.run { client in
            let now = try await client.send(LimitCommand.path(scope))
            let left = try LimitName.removing(limits, from: AdminBody.limits(of: now.value()), of: scope)
            var request = LimitCommand.path(scope).matching(now.etag ?? "*")
            request.method = left.isEmpty ? .delete : .put
            if !left.isEmpty { request.body = try AdminBody.limits(left) }
            return try await client.send(request)
        } text: { _ in
            "\(scope): deleted \(limits.isEmpty ? "all limits" : limits.map(\.name).joined(separator: " "))"
        }
    }
}

/// The name of a limit on the command line, such as `requests/1m`.
struct LimitName: Equatable {
    var name: String

    /// Parses the name. Throws an error that quotes the argument.
    init(parsing text: String) throws {
        let (meter, period) = try LimitArgument.name(text)
        name = Limit(meter, period, max: nil).name
    }

    /// Returns the limits without the named ones, or none if no names are given. Throws an error if there is nothing to
    /// remove.
    static func removing(_ names: [LimitName], from limits: [Limit], of scope: String) throws -> [Limit] {
        if let missing = names.first(where: { name in !limits.contains { $0.name == name.name } }) {
            throw AdminFailure(["\(scope): no administrator has set \(missing.name)"])
        }
        guard !limits.isEmpty else { throw AdminFailure(["\(scope): no administrator has set limits"]) }
        return names.isEmpty ? [] : limits.filter { limit in !names.contains { $0.name == limit.name } }
    }
}

/// The command `tollgate reset user:alice requests/1m`.
struct Reset: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Reset the counters of a scope: of the named limits, or of all.",
        discussion: "The history of days and months, and the amounts of open reservations, are not reset.")
    @OptionGroup var options: AdminOptions

    @Argument(help: "user:alice, user:alice+tool:search, or global", transform: RequestArgument.scope)
    var scope: String
    @Argument(
        help: ArgumentHelp("The name of a limit, such as requests/1m.", valueName: "limit"), transform: LimitName.init)
    var limits: [LimitName] = []

    func run() async throws {
        let body = try AdminBody.reset(limits.map(\.name))
        let request = AdminRequest(.post, "v1", "scopes", scope, "reset", body: body)
        try await options.run {
            try await $0.send(request)
        } text: {
            AdminText.reset($0)
        }
    }
}
