import TollgateAdmin
import TollgateCore
import TollgateStores

/// Formats the API's drift report for the terminal.
struct DriftText {
    let answer: JSONValue

    /// The range and the threshold, then one line per account and day. `own` is our side, the other one the provider's.
    func table(on terminal: Terminal? = nil) -> String {
        let amounts = ["own tokens", "tokens", "drift", "own cost", "cost"]
        var table = Table(
            ["account", "day", "own tokens", "tokens", "drift", "own cost", "cost", "cost drift", "status"],
            amounts: Set(amounts + ["cost drift"]), whole: ["day", "status"],
            optional: ["own cost", "cost", "own tokens", "tokens"])
        for item in answer["items"].array {
            let (tokens, cost) = (item["tokens"], item["cost"])
            table.add([
                item["account"].text, item["day"].text, tokens["own"].text, tokens["reported"].text,
                percent(tokens, of: item), cost["own"].text, cost["reported_usd"].text,
                comparesCosts ? percent(cost, of: item) : "-", Self.status(of: item),
            ])
        }
        return head + "\n\n"
            + (table.isEmpty
                ? "no accounts; see tollgate account set, and accounts: of the policy file" : table.text(on: terminal))
    }

    private var head: String {
        var lines = [
            ("days", "\(answer["from"].text) to \(answer["to"].text), UTC"),
            ("alerts", "past \(answer["threshold"].text) %"),
        ]
        if !comparesCosts {
            lines.append(
                (
                    "costs",
                    "not compared: ours are in \(answer["currency"].text), the providers' in \(ProviderKind.currency)"
                ))
        }
        return ReportText.head(lines)
    }

    private var comparesCosts: Bool { answer["costs_compared"] == .bool(true) }

    /// The drift of tokens or cost: `-3.2 %`, `only ours` if the provider reports 0 and we counted something, or `-` if
    /// nothing is compared.
    private func percent(_ sides: JSONValue, of item: JSONValue) -> String {
        guard sides["percent"] == .null else { return "\(sides["percent"].text) %" }
        let reported = sides["reported"] == .null ? sides["reported_usd"] : sides["reported"]
        let isCompared = item["status"].string == AccountDrift.Status.compared.rawValue
        return isCompared && reported.text == "0" ? "only ours" : "-"
    }

    /// `ok` or `drift` of a day that was compared, or why it was not.
    private static func status(of item: JSONValue) -> String {
        guard item["status"].string == AccountDrift.Status.compared.rawValue else {
            return item["status"].text.replacing("_", with: " ")
        }
        return item["is_past_threshold"] == .bool(true) ? "drift" : "ok"
    }
}
