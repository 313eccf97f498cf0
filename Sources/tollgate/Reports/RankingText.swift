import TollgateAdmin
import TollgateCore
import TollgateStores

/// From the ranking of the API to text for people.
struct RankingText {
    let answer: JSONValue

    private static let columns = ["requests", "denied", "tokens", "input", "output", "cost"]
    private var items: [JSONValue] { answer["items"].array }

    /// Of whom, of when, then a line a scope.
    var table: String {
        var table = Table(["rank", "scope"] + Self.columns, amounts: Set(["rank"] + Self.columns))
        for (item, numbers) in zip(items, ReportText.numbers(items)) {
            table.add([item["rank"].text, item["scope"].text] + numbers)
        }
        return head + "\n\n" + (table.isEmpty ? nothing : table.text)
    }

    /// The same as bars, of the meter that it ranks by.
    func chart(on terminal: Terminal) -> String {
        guard let meter = HistoryMeter(rawValue: answer["meter"].text), !items.isEmpty else {
            return head + "\n\n" + nothing
        }
        let texts = ReportAmount.column(items.map { $0[meter.name] }, meter)
        let bars = zip(items, texts).map { item, text in
            BarChart.Bar(
                label: JSONValue.printable(item["scope"].text), text: text,
                pieces: [ReportAmount.length(item[meter.name])])
        }
        return ReportText.chart(head, BarChart(names: [], bars: bars), on: terminal)
    }

    private var head: String {
        ReportText.head([
            ("kind", answer["kind"].text), ("day", "\(answer["day"].text), each scope's own day"),
            ("by", answer["meter"].text), ("currency", answer["currency"].text),
        ])
    }

    private var nothing: String { "nothing was counted" }
}
