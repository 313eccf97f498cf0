import ArgumentParser
import TollgateAdmin
import TollgateCore
import TollgateStores

/// How a report is shown.
struct ReportOptions: ParsableArguments {
    /// A year by tool is 80 000 lines, which take a busy sidecar some time.
    private static let patienceFactor = 6

    @Flag(help: "Print CSV (RFC 4180) with a header.")
    var csv = false

    @Flag(help: "Draw bars instead of a table.")
    var chart = false

    func validate() throws {
        if csv, chart { throw ValidationError("--csv and --chart: expected one of them.") }
    }

    /// The query for a report, with what is not nil of `words`.
    func query(_ words: [(String, String?)]) -> [(String, String)] {
        words.compactMap { key, value in value.map { (key, $0) } } + (csv ? [("format", "csv")] : [])
    }

    /// Asks for the report, and prints it.
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
