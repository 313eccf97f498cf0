import TollgateAdmin
import TollgateStores

/// The table of a report, with a column per meter. It fits a terminal of 80 columns, unless its labels are too long.
///
/// `would_deny` has a column only if an amount is not zero. If the table is too wide, other columns of zeros are left
/// out, and after them `input` and `output`, which are parts of `tokens`. A note says so.
struct ReportTable {
    private static let maxWidth = 80
    private static let note = "without input and output, to fit 80 columns; --csv has them"

    let text: String
    /// The lines above the table about columns that were left out.
    let notes: [(String, String)]

    /// Creates a table.
    ///
    /// - Parameters:
    ///   - heading: The names of the columns of labels.
    ///   - rows: The labels and the JSON of each row, whose keys are the names of the meters.
    ///   - amounts: The columns of labels that are right-aligned.
    ///   - decimals: `decimals` of the report.
    ///   - ruled: The index of the row below a rule, or nil.
    init(
        _ heading: [String], _ rows: [(labels: [String], numbers: JSONValue)], amounts: Set<String> = [],
        decimals: JSONValue, ruleAbove ruled: Int?
    ) {
        func table(of meters: [HistoryMeter]) -> Table {
            let names = meters.map(Self.name)
            var table = Table(heading + names, amounts: amounts.union(names))
            let columns = meters.map { meter in
                ReportAmount.column(rows.map { $0.numbers[meter.name] }, meter, decimals: decimals)
            }
            for (index, row) in rows.enumerated() {
                if index == ruled { table.addRule() }
                table.add(row.labels + columns.map { $0[index] })
            }
            return table
        }
        func isUsed(_ meter: HistoryMeter) -> Bool {
            rows.contains { ReportAmount.length($0.numbers[meter.name]) != 0 }
        }
        let all = HistoryMeter.allCases.filter { $0 != .wouldDeny || isUsed($0) }
        let used = all.filter { $0 == .requests || $0 == .cost || isUsed($0) }
        let fewest = used.filter { $0 != .inputTokens && $0 != .outputTokens }
        let fitting = [all, used].first { table(of: $0).width <= Self.maxWidth }
        text = table(of: fitting ?? fewest).text
        notes = fitting == nil && fewest != used ? [("columns", Self.note)] : []
    }

    /// The heading of a meter's column.
    private static func name(_ meter: HistoryMeter) -> String {
        switch meter {
        case .inputTokens: "input"
        case .outputTokens: "output"
        default: meter.name
        }
    }
}
