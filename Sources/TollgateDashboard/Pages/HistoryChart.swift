import TollgateCore
import TollgatePolicy
import TollgateServer
import TollgateStores

/// The usage of a scope by day or month, as charts show it.
struct HistoryChart: Sendable {
    var scope: Scope
    var unit: CalendarUnit
    /// The time zone of the days and months.
    var timeZone: String
    var windows: [CalendarWindow]
    var records: [HistoryRecord]

    /// Reads the last days or months of a scope, up to the running one.
    static func read(
        of scope: Scope, last count: Int64, _ unit: CalendarUnit, in calendar: CalendarRules,
        by dimensions: Set<HistoryDimension>, from sidecar: Sidecar
    ) async throws -> HistoryChart {
        let running = calendar.window(unit, containing: await sidecar.redisTime).id
        guard let last = unit.number(ofID: running) else {
            return HistoryChart(
                scope: scope, unit: unit, timeZone: calendar.timeZone, windows: [], records: [])
        }
        let windows = calendar.windows(unit, numbered: max(last - count + 1, 0)...last)
        let detail: HistoryStore.Detail = dimensions.isEmpty ? .totals : .labels(dimensions)
        let store = sidecar.stores.history
        let ids = windows.map(\.id)
        let records =
            unit == .day
            ? try await store.days(of: scope, ids: ids, detail) : try await store.months(of: scope, ids: ids, detail)
        return HistoryChart(
            scope: scope, unit: unit, timeZone: calendar.timeZone, windows: windows, records: records)
    }

    /// The labels of the columns.
    var columns: [String] { windows.map { LocalTime.label(of: $0) } }

    /// Returns the amounts of a meter by provider, tool or model.
    func series(of meter: HistoryMeter, by dimension: HistoryDimension) -> [ChartData.Series] {
        var values: [HistoryShare.Name: [Int64]] = [:]
        for (index, record) in records.enumerated() {
            for share in record.shares(by: dimension, of: scope) {
                values[share.name, default: Array(repeating: 0, count: records.count)][index] = share.amounts[meter]
            }
        }
        return values.map { name, values in
            switch name {
            case .label(let label): ChartData.Series(label, values)
            case .other: ChartData.Series("(other)", values, isOther: true)
            case .unnamed: ChartData.Series("(no \(dimension.name))", values)
            }
        }
    }

    /// The amounts of a meter as one series.
    func series(of meter: HistoryMeter) -> ChartData.Series {
        ChartData.Series(scope.description, records.map { $0.total[meter] })
    }

    /// Returns the unit of a meter's amounts.
    static func amountUnit(of meter: HistoryMeter, in policy: Policy) -> AmountUnit {
        meter == .cost
            ? .money(policy.moneyUnit, currency: policy.currency) : .count(meter.name.replacing("_", with: " "))
    }
}
