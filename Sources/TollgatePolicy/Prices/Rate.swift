import TollgateCore

/// The price of one million tokens, or of one request, image or minute. A whole number of 10⁻¹² of the currency, since
/// a single token costs less than a nano-unit.
package struct Rate: Sendable, Hashable {
    /// The maximum number of fraction digits.
    static let decimals = 12
    /// The maximum whole part: 9 million of the currency.
    static let maxWhole: Int64 = 9_000_000
    /// The number of units in one unit of the currency.
    static let countPerCurrencyUnit: Int64 = 1_000_000_000_000

    /// The rate in 10⁻¹² of the currency, 0 … 9 × 10¹⁸.
    package let picos: Int64

    /// A price of 0.
    package static let free = Rate(picos: 0)

    /// Creates a rate from 10⁻¹² of the currency; nil if it is negative or more than 9 million of the currency.
    package init?(exactly picos: Int128) {
        guard picos >= 0, picos <= Int128(Self.maxWhole) * Int128(Self.countPerCurrencyUnit) else { return nil }
        self.picos = Int64(picos)
    }

    private init(picos: Int64) {
        self.picos = picos
    }

    /// Parses decimal text such as `2.5`; nil for any other text, for more than 12 fraction digits and for a rate that
    /// is too large.
    package init?(parsing text: some StringProtocol) {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        let fraction = parts.count == 2 ? Array(parts[1]) : [UInt8(ascii: "0")]
        let digits = Array(parts[0]) + fraction
        guard !parts[0].isEmpty, parts[0].count <= 7, (1...Self.decimals).contains(fraction.count),
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        var picos: Int128 = 0
        for digit in digits { picos = picos * 10 + Int128(digit - UInt8(ascii: "0")) }
        for _ in fraction.count..<Self.decimals { picos *= 10 }
        self.init(exactly: picos)
    }
}

extension Rate: CustomStringConvertible {
    /// Decimal text without trailing zeros: `2.5`.
    package var description: String {
        let padded = String(repeating: "0", count: max(0, 13 - String(picos).count)) + String(picos)
        var fraction = padded.suffix(Self.decimals)
        while fraction.last == "0" { fraction.removeLast() }
        return "\(padded.dropLast(Self.decimals))\(fraction.isEmpty ? "" : ".")\(fraction)"
    }
}
