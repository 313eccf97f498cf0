import ArgumentParser
import TollgateAdmin
import TollgateCore
import TollgateStores

/// The command `tollgate report`.
struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Report usage by day, by month, by the highest usage, or against what providers report.",
        subcommands: [ReportDaily.self, ReportMonthly.self, ReportTop.self, ReportDrift.self])
}

/// The arguments of reports on one scope.
struct ReportArguments: ParsableArguments {
    @OptionGroup var options: AdminOptions
    @OptionGroup var report: ReportOptions

    @Argument(
        help: "A scope such as user:alice, or global. history: in the policy lists the kinds with reports.",
        transform: RequestArgument.scope)
    var scope: String
    @Option(help: ArgumentHelp("Split by provider, tool or model.", valueName: "what"))
    var by: HistoryDimension?
    @Option(
        help: ArgumentHelp(
            """
            The meter of --chart: requests, calls, denied, would_deny, tokens, input_tokens, output_tokens or cost. \
            (default: cost)
            """,
            valueName: "meter"))
    var meter: HistoryMeter?
    @Option(help: "A role of the user, which selects the tier's calendar; may be repeated.")
    var role: [String] = []
    @Option(help: "The user's email address.")
    var email: String?

    func validate() throws {
        if meter != nil, !report.chart { throw ValidationError("--meter: requires --chart.") }
        if options.json, report.csv || report.chart {
            throw ValidationError("--json: cannot be combined with --csv or --chart.")
        }
        if let wrong = role.first(where: { $0.isEmpty || $0.contains(",") }) {
            throw ValidationError("--role \(wrong): expected one role, without a comma; the option may be repeated.")
        }
    }

    /// Requests and prints the report.
    ///
    /// - Parameter unit: `day` or `month`.
    func run(_ path: String, unit: String, from: String?, to: String?) async throws {
        let roles = role.isEmpty ? nil : role.joined(separator: ",")
        let query = report.query([
            ("scope", scope), ("from", from), ("to", to), ("by", by?.name), ("roles", roles), ("email", email),
        ])
        try await report.run(AdminRequest(.get, "v1", "reports", path, query: query), options) {
            ReportText(answer: $0, unit: unit).table
        } chart: {
            ReportText(answer: $0, unit: unit).chart(of: meter ?? .cost, on: $1)
        }
    }
}

/// The command `tollgate report daily user:alice`.
struct ReportDaily: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "daily", abstract: "Report a scope's usage per day, by default of the last 30 days.",
        discussion: "Days follow the scope's calendar: its time zone, and the hour at which its days begin.")
    @OptionGroup var arguments: ReportArguments
    @Option(
        help: ArgumentHelp("The first day, such as 2026-11-01; at most 366.", valueName: "day"),
        transform: RequestArgument.day)
    var from: String?
    @Option(help: ArgumentHelp("The last day. (default: today)", valueName: "day"), transform: RequestArgument.day)
    var to: String?

    func run() async throws { try await arguments.run("daily", unit: "day", from: from, to: to) }
}

/// The command `tollgate report monthly user:alice`.
struct ReportMonthly: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "monthly", abstract: "Report a scope's usage per month, by default of the last 12 months.",
        discussion: "Months follow the scope's calendar, and begin on its billing day.")
    @OptionGroup var arguments: ReportArguments
    @Option(
        help: ArgumentHelp("The first month, such as 2026-01; at most 60.", valueName: "month"),
        transform: RequestArgument.month)
    var from: String?
    @Option(
        help: ArgumentHelp("The last month. (default: the current one)", valueName: "month"),
        transform: RequestArgument.month)
    var to: String?

    func run() async throws { try await arguments.run("monthly", unit: "month", from: from, to: to) }
}

/// The options for the output of a report.
struct ReportOptions: ParsableArguments {
    /// The timeout factor: a year split by tool is 80 000 lines, which take a busy sidecar some time.
    static let patienceFactor = 6

    @Flag(help: "Print CSV (RFC 4180) with a header.")
    var csv = false

    @Flag(help: "Draw bars instead of a table.")
    var chart = false

    func validate() throws {
        if csv, chart { throw ValidationError("--csv and --chart: cannot be combined.") }
    }

    /// Returns the query of a report, without words that are nil.
    func query(_ words: [(String, String?)]) -> [(String, String)] {
        words.compactMap { key, value in value.map { (key, $0) } } + (csv ? [("format", "csv")] : [])
    }

    /// Requests the report and prints it.
    func run(
        _ request: AdminRequest, _ options: AdminOptions, table: (JSONValue) -> String,
        chart: (JSONValue, Terminal) -> String
    ) async throws {
        try await options.run(isRaw: csv, patienceFactor: Self.patienceFactor) {
            try await $0.send(request)
        } text: { answer in
            self.chart ? chart(answer, .current) : table(answer)
        }
    }
}

extension HistoryMeter: ExpressibleByArgument {}
extension HistoryDimension: ExpressibleByArgument {}

/// The command `tollgate report top user --meter cost`.
struct ReportTop: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "List the scopes of a kind with the highest usage on a day.",
        discussion: "Days follow each scope's own calendar.")
    @OptionGroup var options: AdminOptions
    @OptionGroup var report: ReportOptions

    @Argument(help: "user, tool, provider …", transform: RequestArgument.kind)
    var kind: String
    @Option(
        name: [.long, .customLong("by")],
        help: ArgumentHelp(
            "The meter to rank by: requests, calls, denied, would_deny, tokens or cost.", valueName: "meter"))
    var meter = HistoryMeter.cost
    @Option(
        help: "The day, such as 2026-11-20. (default: today in the policy's time zone)", transform: RequestArgument.day)
    var day: String?
    @Option(help: ArgumentHelp("The maximum number of scopes, 1 to 1000.", valueName: "count"))
    var limit = 10

    func validate() throws {
        guard (1...1_000).contains(limit) else { throw ValidationError("--limit: expected 1 to 1000.") }
        guard HistoryMeter.ranked.contains(meter) else {
            throw ValidationError("--meter: expected requests, calls, denied, would_deny, tokens or cost.")
        }
        if options.json, report.csv || report.chart {
            throw ValidationError("--json: cannot be combined with --csv or --chart.")
        }
    }

    func run() async throws {
        let query = report.query([("kind", kind), ("meter", meter.name), ("day", day), ("limit", "\(limit)")])
        try await report.run(AdminRequest(.get, "v1", "reports", "top", query: query), options) {
            RankingText(answer: $0).table
        } chart: {
            RankingText(answer: $0).chart(on: $1)
        }
    }
}
