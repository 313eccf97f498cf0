/// A decimal number that is not negative, exact to all digits of its text. It never passes through a floating-point
/// number.
package struct ExactDecimal: Equatable, Sendable {
    /// The reason why a text is not such a number.
    package enum Fault: Error, Equatable {
        case notDecimal
        case negative
        /// More than 10¹⁵.
        case tooLarge

        /// The end of the sentence `amount: …`.
        var explanation: String {
            switch self {
            case .notDecimal: "expected a decimal number"
            case .negative: "a negative number"
            case .tooLarge: "more than 10^15"
            }
        }
    }

    /// The maximum number of characters of a text.
    private static let maxLength = 256
    /// The maximum exponent of ten, above and below zero.
    private static let maxExponent = 127

    /// The digits, the least significant one first, without zeros at either end beyond the point.
    private var digits: [UInt8] = []
    /// The number of digits after the point.
    private var scale = 0

    /// Zero.
    package init() {}

    /// Parses `-?digits(.digits)?([eE][+-]?digits)?`. A negative zero is zero.
    package init(parsing text: String) throws(Fault) {
        var rest = Array(text.utf8)[...]
        guard rest.count <= Self.maxLength else { throw .notDecimal }
        let isNegative = Self.take("-", from: &rest)
        let whole = Self.takeDigits(from: &rest)
        guard !whole.isEmpty else { throw .notDecimal }
        var fraction: [UInt8] = []
        if Self.take(".", from: &rest) {
            fraction = Self.takeDigits(from: &rest)
            guard !fraction.isEmpty else { throw .notDecimal }
        }
        let exponent = try Self.exponent(&rest)
        guard rest.isEmpty else { throw .notDecimal }
        digits = (whole + fraction).drop { $0 == 0 }.reversed()
        guard !digits.isEmpty else { return }
        guard !isNegative else { throw .negative }
        scale = fraction.count - exponent
        guard digits.count - scale <= 16 else { throw .tooLarge }
        if scale < 0 {
            digits.insert(contentsOf: repeatElement(0, count: -scale), at: 0)
            scale = 0
        }
        dropZeros()
        guard isInRange else { throw .tooLarge }
    }

    private static func exponent(_ rest: inout ArraySlice<UInt8>) throws(Fault) -> Int {
        guard take("e", from: &rest) || take("E", from: &rest) else { return 0 }
        let isNegative = !take("+", from: &rest) && take("-", from: &rest)
        let digits = takeDigits(from: &rest)
        guard !digits.isEmpty else { throw .notDecimal }
        let exponent = digits.reduce(0) { min($0 * 10 + Int($1), maxExponent + 1) }
        guard exponent <= maxExponent else { throw isNegative ? .notDecimal : .tooLarge }
        return isNegative ? -exponent : exponent
    }

    private static func take(_ character: Unicode.Scalar, from rest: inout ArraySlice<UInt8>) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    /// Consumes digits. Returns their values.
    private static func takeDigits(from rest: inout ArraySlice<UInt8>) -> [UInt8] {
        let digits = rest.prefix { (0x30...0x39).contains($0) }
        rest = rest.dropFirst(digits.count)
        return digits.map { $0 - 0x30 }
    }

    /// Removes zeros at the end of the fraction and at the front.
    private mutating func dropZeros() {
        let zeros = digits.prefix(scale).prefix { $0 == 0 }.count
        digits.removeFirst(zeros)
        scale -= zeros
        while digits.last == 0 { digits.removeLast() }
        if digits.isEmpty { scale = 0 }
    }

    /// Whether the number is at most 10¹⁵.
    package var isInRange: Bool {
        let wholeDigits = digits.count - scale
        return wholeDigits <= 15
            || wholeDigits == 16 && scale == 0 && digits.last == 1 && !digits.dropLast().contains { $0 > 0 }
    }

    /// The number as an integer; nil if it has a fraction or is too large.
    package var integer: Int64? {
        guard scale == 0, digits.count <= 18 else { return nil }
        return digits.reversed().reduce(Int64(0)) { $0 * 10 + Int64($1) }
    }

    /// Adds a number exactly.
    package static func += (lhs: inout ExactDecimal, rhs: ExactDecimal) {
        var other = rhs
        let scale = max(lhs.scale, other.scale)
        lhs.align(to: scale)
        other.align(to: scale)
        if lhs.digits.count < other.digits.count {
            lhs.digits.append(contentsOf: repeatElement(0, count: other.digits.count - lhs.digits.count))
        }
        var carry: UInt8 = 0
        for index in lhs.digits.indices {
            let sum = lhs.digits[index] + (index < other.digits.count ? other.digits[index] : 0) + carry
            carry = sum / 10
            lhs.digits[index] = sum % 10
        }
        if carry > 0 { lhs.digits.append(carry) }
        lhs.dropZeros()
    }

    private mutating func align(to scale: Int) {
        digits.insert(contentsOf: repeatElement(0, count: scale - self.scale), at: 0)
        self.scale = scale
    }

    /// Multiplies by a power of ten, and rounds half up to an integer. Nil if it has more than 36 digits.
    ///
    /// - Parameter power: 0 … 18.
    package func rounded(timesTenToThe power: Int) -> Int128? {
        let dropped = max(0, scale - power)
        let appended = max(0, power - scale)
        let kept = digits.dropFirst(dropped)
        guard kept.count + appended <= 36 else { return nil }
        var result = kept.reversed().reduce(Int128(0)) { $0 * 10 + Int128($1) }
        for _ in 0..<appended { result *= 10 }
        // The digit after the last one that is kept. There is none, or it is a zero, if the number has fewer.
        let next = dropped > 0 && dropped <= digits.count ? digits[dropped - 1] : 0
        return next >= 5 ? result + 1 : result
    }
}
