import TollgateAdmin
import TollgateCore
import TollgateStores

/// Formats the API's rankings for the terminal.
struct RankingText {
    let answer: JSONValue

    private var items: [JSONValue] { answer["items"].array }

    /// The ranking as a table: the kind and day, then one line per scope.
    var table: String {
        guard !items.isEmpty else { return head() + "\n\n" + nothing }
        let rows = items.map { (labels: [$0["rank"].text, $0["scope"].text], numbers: $0) }
        let table = ReportTable(
            ["rank", "scope"], rows, amounts: ["rank"], decimals: answer["decimals"], ruleAbove: nil)
        return head(table.notes) + "\n\n" + table.text
    }

    /// The ranking as a bar chart of the meter by which it is sorted.
    func chart(on terminal: Terminal) -> String {
        guard let meter = HistoryMeter(rawValue: answer["meter"].text), !items.isEmpty else {
            return head() + "\n\n" + nothing
        }
        let texts = ReportAmount.column(
            items.map { $0[meter.name] }, meter, decimals: answer["decimals"])
        let bars = zip(items, texts).map { item, text in
            BarChart.Bar(
                label: JSONValue.printable(item["scope"].text), text: text,
                segments: [ReportAmount.length(item[meter.name])])
        }
        return ReportText.chart(head(), BarChart(names: [], bars: bars), on: terminal)
    }

    private func head(_ notes: [(String, String)] = []) -> String {
        ReportText.head(
            [
                ("kind", answer["kind"].text), ("day", "\(answer["day"].text), each scope's own day"),
                ("by", answer["meter"].text), ("currency", answer["currency"].text),
            ] + notes)
    }

    private var nothing: String { "no usage" }
}
