import Foundation
import TollgateAdmin
import TollgateCore
import TollgateStores

/// Formats exact amounts of a report for tables and charts.
enum ReportAmount {
    /// Formats a column. Whole numbers stay as they are. Money has the same number of decimals in each row, so that the
    /// points align: at least two, unless the policy has fewer.
    ///
    /// - Parameter policyDecimals: `decimals` of the report; null if it is unknown.
    static func column(_ values: [JSONValue], _ meter: HistoryMeter, decimals policyDecimals: JSONValue) -> [String] {
        let texts = values.map(\.text)
        guard meter == .cost else { return texts }
        let usual = min(Int(policyDecimals.text) ?? 2, 2)
        let maxDecimals = max(texts.map(decimals).max() ?? 0, usual)
        guard maxDecimals > 0 else { return texts }
        return texts.map { text in
            let count = decimals(of: text)
            let zeros = String(repeating: "0", count: maxDecimals - count)
            return count == 0 ? "\(text).\(zeros)" : text + zeros
        }
    }

    private static func decimals(of text: String) -> Int {
        text.split(separator: ".", maxSplits: 1).dropFirst().first?.count ?? 0
    }

    /// Returns an approximate amount, for the lengths of bars only.
    static func length(_ value: JSONValue) -> Double {
        switch value {
        case .integer(let number): Double(number)
        case .decimal(let number): NSDecimalNumber(decimal: number).doubleValue
        case .string(let text): Double(text) ?? 0
        default: 0
        }
    }

    /// Returns the exact sum of amounts.
    static func sum(_ values: [JSONValue], _ meter: HistoryMeter) -> JSONValue {
        let locale = Locale(identifier: "en_US_POSIX")
        let sum = values.reduce(Decimal(0)) { $0 + (Decimal(string: $1.text, locale: locale) ?? 0) }
        return meter == .cost ? .string("\(sum)") : .decimal(sum)
    }
}
