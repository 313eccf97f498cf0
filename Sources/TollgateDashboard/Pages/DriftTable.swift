import TollgateAdmin
import TollgateCore
import TollgatePolicy
import TollgateStores

/// The values of the drift report for the template: a row for each account, and a cell for each closed day.
struct DriftTable {
    let report: DriftReport

    var context: TemplateContext {
        var context: TemplateContext = [
            "threshold": report.threshold, "columns": columns, "days": columns.count, "rows": rows,
            "comparesCosts": report.comparesCosts,
        ]
        context["ownCurrency"] = report.currency
        return context
    }

    private var columns: [String] {
        (report.days.lowerBound.number...report.days.upperBound.number).map { number in
            let day = UTCDay(number: number)
            return LocalTime.label(
                of: CalendarWindow(
                    id: "\(day)", startsAt: day.start * 1_000, endsAt: day.advanced(by: 1).start * 1_000))
        }
    }

    /// A row for each account. One with the same reason not to compare on all days has one cell.
    private var rows: [TemplateContext] {
        var accounts: [(id: String, items: [DriftReport.Item])] = []
        for item in report.items {
            if accounts.last?.id != item.account { accounts.append((item.account, [])) }
            accounts[accounts.count - 1].items.append(item)
        }
        return accounts.map { id, items in
            var row: TemplateContext = ["account": id, "path": AccountCard.path(of: id)]
            let notes = Set(items.map { $0.drift.status.note })
            if notes.count == 1, let note = notes.first.flatMap({ $0 }) {
                row["note"] = note
            } else {
                row["cells"] = items.map { Self.cell($0, past: report.threshold) }
            }
            return row
        }
    }

    /// The values of a day of an account: the drift of tokens and cost, or the reason why nothing is compared.
    ///
    /// - Parameter threshold: The drift in percent past which an alert opens.
    static func cell(_ item: DriftReport.Item, past threshold: Int) -> TemplateContext {
        func level(_ drift: Drift?) -> String { drift?.isPast(threshold) == true ? "warning" : "" }
        let drift = item.drift
        var cell: TemplateContext = [
            "tokenLevel": level(drift.tokenDrift), "costLevel": level(drift.costDrift),
            "driftLevel": drift.meter(past: threshold) == nil ? "" : "warning",
        ]
        cell["reason"] = drift.status.note
        cell["tokenDrift"] = drift.tokenDrift?.description
        cell["costDrift"] = drift.costDrift?.description
        return cell
    }
}

extension AccountDrift.Status {
    /// The reason why a day is not compared; nil if it is.
    var note: String? {
        switch self {
        case .compared: nil
        case .incomplete: "not complete yet"
        case .notRead: "not read"
        case .unreadable: "unreadable"
        case .notReported: "quotas only"
        case .noFigures: "no figures"
        case .noHistory: "no own figures"
        case .otherCurrency: "another currency"
        }
    }
}
