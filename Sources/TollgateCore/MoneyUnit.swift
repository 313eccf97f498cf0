/// The unit in which a namespace counts money: 10⁻ᵈ of the policy's currency, where d is the policy's `decimals`.
///
/// Amounts of ``Meter/cost`` are whole numbers of it, never floating-point numbers. Only their texts have a decimal
/// point.
public struct MoneyUnit: Sendable, Hashable {
    // One byte, as each request has it.
    private let digits: UInt8

    /// 10⁻⁹ of the currency, the unit of a policy without `decimals`.
    public static let nano = MoneyUnit(digits: 9)

    /// The maximum cost of one call. It is below 2⁵³, so the doubles of the Lua functions represent it exactly.
    static let maxAmount: Int64 = 9_000_000_000_000_000

    private init(digits: UInt8) {
        self.digits = digits
    }

    /// Creates a unit; nil unless `decimals` is 0 … 9.
    public init?(decimals: Int) {
        guard (0...9).contains(decimals) else { return nil }
        self.init(digits: UInt8(decimals))
    }

    /// The number of fraction digits of an amount, 0 … 9.
    public var decimals: Int { Int(digits) }

    /// The number of units in one unit of the currency, 1 … 10⁹.
    package var countPerCurrencyUnit: UInt64 {
        switch digits {
        case 0: 1
        case 1: 10
        case 2: 100
        case 3: 1_000
        case 4: 10_000
        case 5: 100_000
        case 6: 1_000_000
        case 7: 10_000_000
        case 8: 100_000_000
        default: 1_000_000_000
        }
    }

    /// All units, from whole units of the currency to nano-units.
    package static let all = (0...9).compactMap(MoneyUnit.init(decimals:))

    // MARK: - Text

    /// Parses `digits[.digits]`: no sign, no exponent, no separators, at most ``decimals`` fraction digits, at most
    /// 9 × 10¹⁵ units.
    package func amount(parsing text: some Sequence<UInt8>) throws(MoneyError) -> Int64 {
        var amount: Int64 = 0
        var (wholeDigits, fractionDigits, seenPoint) = (0, 0, false)
        for byte in text {
            if byte == UInt8(ascii: "."), !seenPoint {
                seenPoint = true
                continue
            }
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { throw .notDecimal(self) }
            if seenPoint { fractionDigits += 1 } else { wholeDigits += 1 }
            // Stops once the amount is too large, so that no number of digits can overflow.
            if amount <= Self.maxAmount, fractionDigits <= digits {
                amount = amount * 10 + Int64(byte - UInt8(ascii: "0"))
            }
        }
        guard wholeDigits > 0, !seenPoint || fractionDigits > 0 else { throw .notDecimal(self) }
        guard fractionDigits <= digits else { throw .tooManyFractionDigits(self) }
        for _ in fractionDigits..<decimals where amount <= Self.maxAmount { amount *= 10 }
        guard amount <= Self.maxAmount else { throw .tooLarge(self) }
        return amount
    }

    /// Returns the decimal text of an amount without trailing zeros: `20`, `0.05`, `-1.5`.
    package func text(_ amount: Int64) -> String {
        decimalText(Int128(amount), decimals: decimals)
    }
}

/// The reason why a text is not an amount of money in a unit.
public enum MoneyError: Error, Equatable, Sendable {
    /// The text is not a decimal number.
    case notDecimal(MoneyUnit)
    /// The number has more fraction digits than the unit.
    case tooManyFractionDigits(MoneyUnit)
    /// The number is more than 9 × 10¹⁵ units.
    case tooLarge(MoneyUnit)

    /// The end of the sentence `cost: …`.
    public var explanation: String {
        switch self {
        case .notDecimal(let unit): unit.expectation
        case .tooManyFractionDigits(.nano): "more than 9 fraction digits"
        case .tooManyFractionDigits(let unit) where unit.decimals == 0:
            "expected a whole number (the policy has decimals: 0)"
        case .tooManyFractionDigits(let unit):
            "more than \(unit.decimals) fraction digits (the policy has decimals: \(unit.decimals))"
        case .tooLarge(let unit) where unit.decimals == 0: "more than \(unit.text(MoneyUnit.maxAmount))"
        case .tooLarge(let unit):
            "more than \(unit.text(MoneyUnit.maxAmount)) (the policy's decimals: \(unit.decimals); fewer allow more)"
        }
    }
}

extension MoneyUnit {
    /// The sentence that says what an amount looks like.
    package var expectation: String {
        switch decimals {
        case 0: "expected a whole number such as 25"
        case 1: "expected a decimal number such as 2.5"
        default: "expected a decimal number such as 0.25"
        }
    }
}

/// Returns the decimal text of a number of units of 10⁻ᵈ, without trailing zeros.
func decimalText(_ amount: Int128, decimals: Int) -> String {
    let digits = String(amount.magnitude)
    let padded = String(repeating: "0", count: max(decimals + 1 - digits.count, 0)) + digits
    var fraction = padded.suffix(decimals)
    while fraction.last == "0" { fraction.removeLast() }
    let whole = padded.dropLast(decimals)
    return "\(amount < 0 ? "-" : "")\(whole)\(fraction.isEmpty ? "" : ".")\(fraction)"
}
