/// An amount of the policy's currency, exact to 10⁻⁹ of it, whatever the policy's `decimals`.
public struct Money: Sendable, Hashable, Comparable {
    /// The amount in nano-units, 10⁻⁹ of the currency; may be negative.
    public var nanos: Int128

    /// Creates an amount from nano-units.
    public init(nanos: Int128) {
        self.nanos = nanos
    }

    /// Creates an amount from a number of units.
    package init(_ amount: Int64, in unit: MoneyUnit) {
        nanos = Int128(amount) * unit.nanos
    }

    /// The maximum number of digits before the point, so that no text can overflow.
    private static let maxWholeDigits = 24

    /// Parses text such as `0.0185` or `-1.5`: no exponent, no separators, at most 9 fraction digits.
    public init(parsing text: some StringProtocol) throws(MoneyError) {
        let isNegative = text.utf8.first == UInt8(ascii: "-")
        let digits = text.utf8.dropFirst(isNegative ? 1 : 0)
        let parts = digits.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        let fraction = parts.count == 2 ? Array(parts[1]) : [UInt8(ascii: "0")]
        let areDigits = ([Array(parts[0])] + [fraction]).allSatisfy { part in
            !part.isEmpty && part.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        }
        guard areDigits else { throw .notDecimal(.nano) }
        guard fraction.count <= 9 else { throw .tooManyFractionDigits(.nano) }
        guard parts[0].count <= Self.maxWholeDigits else { throw .tooLarge(MoneyUnit.all[0]) }
        var nanos: Int128 = 0
        for digit in Array(parts[0]) + fraction { nanos = nanos * 10 + Int128(digit - UInt8(ascii: "0")) }
        for _ in fraction.count..<9 { nanos *= 10 }
        self.nanos = isNegative ? -nanos : nanos
    }

    /// Returns the amount as a whole number of units; nil if it is none, or not an Int64.
    package func amount(in unit: MoneyUnit) -> Int64? {
        nanos.isMultiple(of: unit.nanos) ? Int64(exactly: nanos / unit.nanos) : nil
    }

    /// The amount in a unit, rounded up; 0 for less than nothing, and the largest number for more than that.
    package func amount(roundedUpIn unit: MoneyUnit) -> Int64 {
        Int64(clamping: (max(nanos, 0) + unit.nanos - 1) / unit.nanos)
    }

    /// Compares amounts.
    public static func < (lhs: Money, rhs: Money) -> Bool { lhs.nanos < rhs.nanos }
}

extension MoneyUnit {
    /// Returns the unit with the fewest decimals in which an amount is a whole number.
    package static func coarsest(for money: Money) -> MoneyUnit {
        all.first { money.nanos.isMultiple(of: $0.nanos) } ?? .nano
    }

    /// Returns the unit with the most decimals in which amounts are whole numbers of an Int64 up to a bound; nil if there
    /// is none.
    package static func finest(for sums: [Money], upTo bound: Int64 = .max) -> MoneyUnit? {
        all.last { unit in
            sums.allSatisfy { money in money.amount(in: unit).map { $0.magnitude <= bound.magnitude } ?? false }
        }
    }

    /// The unit in nano-units.
    var nanos: Int128 { Int128(MoneyUnit.nano.countPerCurrencyUnit / countPerCurrencyUnit) }
}

extension Money: CustomStringConvertible {
    /// Decimal text without trailing zeros: `20`, `0.05`, `-1.5`.
    public var description: String { decimalText(nanos, decimals: 9) }
}
