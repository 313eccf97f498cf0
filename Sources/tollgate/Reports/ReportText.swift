import TollgateAdmin
import TollgateCore
import TollgateStores

/// Formats the API's period reports for the terminal.
struct ReportText {
    /// The response of the API.
    let answer: JSONValue
    /// The unit: `day` or `month`.
    let unit: String

    /// The width of the labels above a report.
    private static let widthOfNames = 10

    private var rows: [JSONValue] { answer["\(unit)s"].array }
    /// The dimension of a split report, or nil.
    private var dimension: String? { answer["by"].string }

    /// The report as a table: the scope and period, one line per day or month, and totals.
    var table: String {
        let columns = dimension.map(splitTable) ?? plainTable
        return head([("currency", answer["currency"].text)] + columns.notes) + "\n\n" + columns.text
    }

    private func head(_ more: [(String, String)]) -> String {
        let days = "\(answer["from"].text) to \(answer["to"].text), \(answer["timezone"].text)"
        return Self.head([("scope", answer["scope"].text), ("\(unit)s", days)] + calendar + retention + more)
    }

    /// A note if requests may have been counted in another calendar.
    private var calendar: [(String, String)] {
        guard answer["depends_on_role_or_email"] == .bool(true) else { return [] }
        return [("calendar", "depends on the user's roles or email address: see --role and --email")]
    }

    /// A note if the report begins before the retained history.
    private var retention: [(String, String)] {
        guard let first = answer["kept_from"].string, answer["from"].text < first else { return [] }
        return [("history", "starts at \(first)")]
    }

    static func head(_ lines: [(String, String)]) -> String {
        lines.map { JSONValue.printable($0.padding(widthOfNames) + $1) }.joined(separator: "\n")
    }

    private var plainTable: ReportTable {
        let all = rows + [answer["total"]]
        let labels = rows.map { [$0[unit].text] } + [["total"]]
        return ReportTable(
            [unit], zip(labels, all).map { ($0, $1) }, decimals: answer["decimals"], ruleAbove: rows.count)
    }

    private func splitTable(_ dimension: String) -> ReportTable {
        var lines: [(labels: [String], numbers: JSONValue)] = []
        func add(_ title: String, _ row: JSONValue) {
            let parts = row["by"].array
            for (index, part) in parts.enumerated() {
                lines.append(([index == 0 ? title : "", Self.name(part, dimension)], part))
            }
            if parts.isEmpty { lines.append(([title, "-"], row)) }
        }
        for row in rows { add(row[unit].text, row) }
        let ruled = lines.count
        add("all \(unit)s", answer["total"])
        lines.append((["total", ""], answer["total"]))
        return ReportTable([unit, dimension], lines, decimals: answer["decimals"], ruleAbove: ruled)
    }

    /// The name of a part. The remainder beyond the maximum number of labels is in brackets, because a label may be
    /// called `other`.
    static func name(_ part: JSONValue, _ dimension: String) -> String {
        part["is_other"] == .bool(true) ? "(other)" : part[dimension].text
    }
}

extension ReportText {
    /// The report as a bar chart of one meter.
    func chart(of meter: HistoryMeter, on terminal: Terminal) -> String {
        let texts = ReportAmount.column(
            rows.map { $0[meter.name] } + [answer["total"][meter.name]], meter,
            decimals: answer["decimals"])
        let title = (meter.name.replacing("_", with: " "), "\(texts[rows.count]) in all")
        let currency = meter == .cost ? [("currency", answer["currency"].text)] : []
        let stack = dimension.map {
            ChartStack(
                rows: rows, dimension: $0, meter: meter, decimals: answer["decimals"],
                max: BarChart.maxNames(on: terminal))
        }
        let bars = zip(rows, texts).map { row, text in
            let whole = ReportAmount.length(row[meter.name])
            return BarChart.Bar(label: row[unit].text, text: text, segments: stack?.segments(of: row) ?? [whole])
        }
        let chart = BarChart(names: stack?.legend ?? [], bars: bars)
        return Self.chart(head([title] + currency), chart, on: terminal)
    }
}

extension ReportText {
    /// Combines the heading and the chart, no wider than the terminal.
    static func chart(_ head: String, _ chart: BarChart, on terminal: Terminal) -> String {
        let above = head.split(separator: "\n").flatMap { terminal.wrapped(String($0), indent: widthOfNames) }
        return (above + [""] + chart.lines(on: terminal)).joined(separator: "\n")
    }
}

extension String {
    fileprivate func padding(_ width: Int) -> String {
        self + String(repeating: " ", count: max(width - TerminalWidth.of(self), 1))
    }
}
