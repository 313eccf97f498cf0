/// An amount of the policy's currency: a whole number of nano-units, never a floating-point number.
public struct Money: Sendable, Hashable, Comparable {
    /// The number of nano-units in one unit of the currency.
    public static let nanosPerUnit: Int64 = 1_000_000_000

    /// The maximum cost of one call: 9 000 000 units, which is less than 2⁵³ nano-units.
    package static let max = Money(nanos: 9_000_000 * nanosPerUnit)

    /// The amount in nano-units; may be negative.
    public var nanos: Int64

    /// Creates an amount from nano-units.
    public init(nanos: Int64) {
        self.nanos = nanos
    }

    /// The reason why a text is not an amount of money.
    public enum ParsingError: Error, Equatable, Sendable {
        case notDecimal
        case tooManyFractionDigits
        case tooLarge

        /// The end of the sentence `cost: …`.
        public var explanation: String {
            switch self {
            case .notDecimal: "expected a decimal number such as 0.25"
            case .tooManyFractionDigits: "more than 9 fraction digits"
            case .tooLarge: "more than 9000000"
            }
        }
    }

    /// Parses `digits[.digits]`: no sign, no exponent, no separators, at most 9 fraction digits, at most ``max``.
    package init(parsing text: some Sequence<UInt8>) throws(ParsingError) {
        var whole: Int64 = 0
        var wholeDigits = 0
        var fraction: Int64 = 0
        var fractionDigits = 0
        var seenPoint = false
        for byte in text {
            if byte == UInt8(ascii: "."), !seenPoint {
                seenPoint = true
                continue
            }
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { throw .notDecimal }
            let digit = Int64(byte - UInt8(ascii: "0"))
            if seenPoint {
                fractionDigits += 1
                if fractionDigits <= 9 { fraction = fraction * 10 + digit }
            } else {
                wholeDigits += 1
                // Stops far above the bound, so that no number of digits can overflow.
                if whole < Money.nanosPerUnit { whole = whole * 10 + digit }
            }
        }
        guard wholeDigits > 0, !seenPoint || fractionDigits > 0 else { throw .notDecimal }
        guard fractionDigits <= 9 else { throw .tooManyFractionDigits }
        for _ in fractionDigits..<9 { fraction *= 10 }
        guard whole <= 9_000_000, whole * Money.nanosPerUnit + fraction <= Money.max.nanos else { throw .tooLarge }
        self.nanos = whole * Money.nanosPerUnit + fraction
    }

    /// Parses text such as `0.0185`, by the rules of `init(parsing:)` for bytes.
    public init(parsing text: some StringProtocol) throws(ParsingError) {
        try self.init(parsing: text.utf8)
    }

    /// Compares amounts.
    public static func < (lhs: Money, rhs: Money) -> Bool { lhs.nanos < rhs.nanos }
}

extension Money: CustomStringConvertible {
    /// Decimal text without trailing zeros: `20`, `0.05`, `-1.5`.
    public var description: String {
        let magnitude = nanos.magnitude
        let whole = magnitude / UInt64(Money.nanosPerUnit)
        let fraction = magnitude % UInt64(Money.nanosPerUnit)
        let sign = nanos < 0 ? "-" : ""
        guard fraction != 0 else { return "\(sign)\(whole)" }
        var digits = String(fraction)
        digits = String(repeating: "0", count: 9 - digits.count) + digits
        while digits.last == "0" { digits.removeLast() }
        return "\(sign)\(whole).\(digits)"
    }
}
