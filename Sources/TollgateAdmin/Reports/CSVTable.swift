import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateStores

/// A CSV table with a header (RFC 4180).
struct CSVTable {
    private(set) var text = ""

    init(_ header: [String]) {
        add(header)
    }

    /// Adds a row. Cells with ids or labels must go through `defused` first.
    mutating func add(_ cells: [String]) {
        text += cells.map(Self.quoted).joined(separator: ",") + "\r\n"
    }

    /// Prevents spreadsheets from reading text as a formula, by an apostrophe in front. Text that begins with an
    /// apostrophe gets another one, so that the first can always be removed.
    static func defused(_ text: String) -> String {
        guard let first = text.utf8.first, "=+-@'\t\r\n".utf8.contains(first) else { return text }
        return "'" + text
    }

    private static func quoted(_ cell: String) -> String {
        guard cell.utf8.contains(where: { "\",\r\n".utf8.contains($0) }) else { return cell }
        // By scalar, because a quote and a combining mark form one `Character`.
        var result = String.UnicodeScalarView("\"".unicodeScalars)
        for scalar in cell.unicodeScalars {
            result.append(scalar)
            if scalar == "\"" { result.append(scalar) }
        }
        result.append("\"")
        return String(result)
    }
}

/// Reports as CSV. They have no line of totals, because the lines add up to them.
extension PeriodReport {
    /// The report with one line per day or month. A split report has one line per part, and a line of zeros for a day
    /// without usage.
    var csv: String {
        let split = dimension.map { [$0.name, "is_other"] } ?? []
        var table = CSVTable([unit.rawValue, "starts_at", "ends_at"] + split + HistoryMeter.allCases.map(\.name))
        for row in rows {
            let window = row.window
            let head = [
                window.id, Instant.text(milliseconds: window.startsAt), Instant.text(milliseconds: window.endsAt),
            ]
            guard let shares = shares(of: row.page) else {
                table.add(head + row.page.total.texts(in: moneyUnit))
                continue
            }
            let lines = shares.isEmpty ? [HistoryShare(.unnamed, row.page.total)] : shares
            for share in lines { table.add(head + share.cells + share.amounts.texts(in: moneyUnit)) }
        }
        return table.text
    }
}

extension RankingReport {
    /// The ranking with one line per scope.
    var csv: String {
        var table = CSVTable(["rank", "scope"] + HistoryMeter.allCases.map(\.name))
        for (index, item) in items.enumerated() {
            table.add(["\(index + 1)", CSVTable.defused(item.scope.description)] + item.amounts.texts(in: moneyUnit))
        }
        return table.text
    }
}

extension HistoryAmounts {
    /// The amounts in the order of the meters.
    fileprivate func texts(in unit: MoneyUnit) -> [String] { HistoryMeter.allCases.map { text(of: $0, in: unit) } }
}

extension HistoryShare {
    /// The name of a part, and whether it combines the labels beyond the maximum. A label called `-` gets an
    /// apostrophe.
    fileprivate var cells: [String] {
        switch name {
        case .label(let label): [CSVTable.defused(label), "false"]
        case .other: ["other", "true"]
        case .unnamed: ["-", "false"]
        }
    }
}
