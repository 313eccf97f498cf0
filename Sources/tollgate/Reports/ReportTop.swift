import ArgumentParser
import TollgateCore
import TollgateStores

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
        help: ArgumentHelp(
            "The meter to rank by: requests, denied, tokens or cost.", valueName: "meter"))
    var meter = HistoryMeter.cost
    @Option(
        help: "The day, such as 2026-11-20. (default: today in the policy's time zone)", transform: RequestArgument.day)
    var day: String?
    @Option(help: ArgumentHelp("The maximum number of scopes, 1 to 1000.", valueName: "count"))
    var limit = 10

    func validate() throws {
        guard (1...1_000).contains(limit) else { throw ValidationError("--limit: expected 1 to 1000.") }
        guard HistoryMeter.ranked.contains(meter) else {
            throw ValidationError("--meter: expected requests, denied, tokens or cost.")
        }
        if options.json, report.csv || report.chart {
            throw ValidationError("--json: expected neither --csv nor --chart beside it.")
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
