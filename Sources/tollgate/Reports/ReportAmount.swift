import Foundation
import TollgateAdmin
import TollgateCore
import TollgateStores

/// Amounts of a report as they came, for tables and charts.
enum ReportAmount {
    /// One column: whole numbers as they are, money with as many decimals as the longest of it has, two at least, so that the points
    /// stand under each other.
    static func column(_ values: [JSONValue], _ meter: HistoryMeter) -> [String] {
        let texts = values.map(\.text)
        guard meter == .cost else { return texts }
        let most = max(texts.map(decimals).max() ?? 0, 2)
        return texts.map { text in
            let count = decimals(of: text)
            let zeros = String(repeating: "0", count: most - count)
            return count == 0 ? "\(text).\(zeros)" : text + zeros
        }
    }

    private static func decimals(of text: String) -> Int {
        text.split(separator: ".", maxSplits: 1).dropFirst().first?.count ?? 0
    }

    /// For the length of a bar, and for nothing else.
    static func length(_ value: JSONValue) -> Double {
        switch value {
        case .integer(let number): Double(number)
        case .decimal(let number): NSDecimalNumber(decimal: number).doubleValue
        case .string(let text): Double(text) ?? 0
        default: 0
        }
    }

    /// The sum of amounts, exact.
    static func sum(_ values: [JSONValue], _ meter: HistoryMeter) -> JSONValue {
        let locale = Locale(identifier: "en_US_POSIX")
        let sum = values.reduce(Decimal(0)) { $0 + (Decimal(string: $1.text, locale: locale) ?? 0) }
        return meter == .cost ? .string("\(sum)") : .decimal(sum)
    }
}
