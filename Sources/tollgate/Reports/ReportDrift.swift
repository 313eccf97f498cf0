import ArgumentParser
import TollgateAdmin

/// The command `tollgate report drift main`.
struct ReportDrift: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drift",
        abstract: "Compare our usage of accounts with what their providers report, by closed day.",
        discussion: "Days are by UTC. The default is the last 7 days that have ended.")
    @OptionGroup var options: AdminOptions

    @Argument(help: "The id of an account. (default: all accounts)")
    var id: String?
    @Option(
        help: ArgumentHelp("The first day, such as 2026-11-01; at most 31.", valueName: "day"),
        transform: RequestArgument.day)
    var from: String?
    @Option(
        help: ArgumentHelp("The last day. (default: yesterday)", valueName: "day"), transform: RequestArgument.day)
    var to: String?
    @Flag(help: "Print CSV (RFC 4180) with a header.")
    var csv = false

    func validate() throws {
        if options.json, csv { throw ValidationError("--json: cannot be combined with --csv.") }
    }

    func run() async throws {
        let words = [("account", id), ("from", from), ("to", to), ("format", csv ? "csv" : nil)]
        let query = words.compactMap { key, value in value.map { (key, $0) } }
        try await options.run(isRaw: csv, patienceFactor: ReportOptions.patienceFactor) {
            try await $0.send(AdminRequest(.get, "v1", "reports", "drift", query: query))
        } text: {
            DriftText(answer: $0).table(on: .current)
        }
    }
}
