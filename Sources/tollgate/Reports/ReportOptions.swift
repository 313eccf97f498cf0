import ArgumentParser
import TollgateAdmin
import TollgateCore
import TollgateStores

/// The options for the output of a report.
struct ReportOptions: ParsableArguments {
    /// The timeout factor: a year split by tool is 80 000 lines, which take a busy sidecar some time.
    private static let patienceFactor = 6

    @Flag(help: "Print CSV (RFC 4180) with a header.")
    var csv = false

    @Flag(help: "Draw bars instead of a table.")
    var chart = false

    func validate() throws {
        if csv, chart { throw ValidationError("--csv and --chart: expected one of them.") }
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
