import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateStores

/// Reports as tables for spreadsheets and scripts. None has a line of totals: the lines add up to them.
extension PeriodReport {
    /// A line a day or month; where it is split, one for each part, and for a day without anything one of zeros.
    var csv: String {
        let split = dimension.map { [$0.name, "is_other"] } ?? []
        var table = CSVTable([unit.rawValue, "starts_at", "ends_at"] + split + HistoryMeter.allCases.map(\.name))
        for row in rows {
            let window = row.window
            let head = [
                window.id, Instant.text(milliseconds: window.startsAt), Instant.text(milliseconds: window.endsAt),
            ]
            guard let shares = shares(of: row.page) else {
                table.add(head + row.page.total.texts)
                continue
            }
            let lines = shares.isEmpty ? [HistoryShare(.unnamed, row.page.total)] : shares
            for share in lines { table.add(head + share.cells + share.amounts.texts) }
        }
        return table.text
    }
}

extension RankingReport {
    /// A line a scope.
    var csv: String {
        var table = CSVTable(["rank", "scope"] + HistoryMeter.allCases.map(\.name))
        for (place, item) in items.enumerated() {
            table.add(["\(place + 1)", CSVTable.defused(item.scope.description)] + item.amounts.texts)
        }
        return table.text
    }
}

extension HistoryAmounts {
    /// In the order of the meters.
    fileprivate var texts: [String] { HistoryMeter.allCases.map { $0.text(self[$0]) } }
}

extension HistoryShare {
    /// Its name, and whether that stands for labels too many. A label that is called `-` has an apostrophe before it.
    fileprivate var cells: [String] {
        switch name {
        case .label(let label): [CSVTable.defused(label), "false"]
        case .other: ["other", "true"]
        case .unnamed: ["-", "false"]
        }
    }
}
