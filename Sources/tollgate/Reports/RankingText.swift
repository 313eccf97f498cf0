import TollgateAdmin
import TollgateCore
import TollgateStores

/// Formats the API's rankings for the terminal.
struct RankingText {
    let answer: JSONValue

    private static let columns = ["requests", "denied", "tokens", "input", "output", "cost"]
    private var items: [JSONValue] { answer["items"].array }

    /// The ranking as a table: the kind and day, then one line per scope.
    var table: String {
        var table = Table(["rank", "scope"] + Self.columns, amounts: Set(["rank"] + Self.columns))
        for (item, numbers) in zip(items, ReportText.numbers(items)) {
            table.add([item["rank"].text, item["scope"].text] + numbers)
        }
        return head + "\n\n" + (table.isEmpty ? nothing : table.text)
    }

    /// The ranking as a bar chart of the meter by which it is sorted.
    func chart(on terminal: Terminal) -> String {
        guard let meter = HistoryMeter(rawValue: answer["meter"].text), !items.isEmpty else {
            return head + "\n\n" + nothing
        }
        let texts = ReportAmount.column(items.map { $0[meter.name] }, meter)
        let bars = zip(items, texts).map { item, text in
            BarChart.Bar(
                label: JSONValue.printable(item["scope"].text), text: text,
                segments: [ReportAmount.length(item[meter.name])])
        }
        return ReportText.chart(head, BarChart(names: [], bars: bars), on: terminal)
    }

    private var head: String {
        ReportText.head([
            ("kind", answer["kind"].text), ("day", "\(answer["day"].text), each scope's own day"),
            ("by", answer["meter"].text), ("currency", answer["currency"].text),
        ])
    }

    private var nothing: String { "no usage" }
}
