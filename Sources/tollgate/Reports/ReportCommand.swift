import ArgumentParser
import TollgateCore
import TollgateStores

/// The command `tollgate report`.
struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "What was used: by day, by month, and by whom most.",
        subcommands: [ReportDaily.self, ReportMonthly.self, ReportTop.self])
}

/// The arguments of reports on one scope.
struct ReportArguments: ParsableArguments {
    @OptionGroup var options: AdminOptions
    @OptionGroup var report: ReportOptions

    @Argument(
        help: "user:alice, provider:openai …, of a kind that history: of the policy lists; global where it does.",
        transform: RequestArgument.scope)
    var scope: String
    @Option(help: ArgumentHelp("Split by provider, tool or model.", valueName: "what"))
    var by: HistoryDimension?
    @Option(
        help: ArgumentHelp(
            "What the bars of --chart are: requests, denied, tokens, input_tokens, output_tokens or cost. (default: cost)",
            valueName: "meter"))
    var meter: HistoryMeter?
    @Option(help: "A role of the user; may be repeated. Days are those of the user's tier.")
    var role: [String] = []
    @Option(help: "The user's e-mail address.")
    var email: String?

    func validate() throws {
        if meter != nil, !report.chart { throw ValidationError("--meter: is for --chart.") }
        if options.json, report.csv || report.chart {
            throw ValidationError("--json: expected neither --csv nor --chart beside it.")
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
        commandName: "daily", abstract: "What a scope used day by day, the last 30 days if not told otherwise.",
        discussion: "Days are those of the scope's own calendar: its time zone, and the hour at which its days begin.")
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
        commandName: "monthly", abstract: "What a scope used month by month, the last 12 if not told otherwise.",
        discussion: "Months are those of the scope's own calendar, and begin on its billing day.")
    @OptionGroup var arguments: ReportArguments
    @Option(
        help: ArgumentHelp("The first month, such as 2026-01; at most 60.", valueName: "month"),
        transform: RequestArgument.month)
    var from: String?
    @Option(
        help: ArgumentHelp("The last month. (default: this one)", valueName: "month"), transform: RequestArgument.month)
    var to: String?

    func run() async throws { try await arguments.run("monthly", unit: "month", from: from, to: to) }
}
