extension Rate {
    /// The factor from the unit of a price in a price map to the unit of a rate.
    struct Scale: Sendable {
        fileprivate let factor: Int128
        fileprivate let divisor: Int128

        /// The price map and the price file have the same unit.
        static let same = Scale(factor: 1, divisor: 1)
        /// From the price of one token to that of a million.
        static let perToken = Scale(factor: 1_000_000, divisor: 1)
        /// From the price of a second to that of a minute.
        static let perSecond = Scale(factor: 60, divisor: 1)
        /// From the price of an hour to that of a minute.
        static let perHour = Scale(factor: 1, divisor: 60)
        /// From the price of a thousand to that of one.
        static let perThousand = Scale(factor: 1, divisor: 1_000)
    }

    /// The maximum number of significant digits. With the largest scale, they fit into an Int128.
    private static let maxDigits = 30

    /// Creates a rate from a number of JSON, such as `1.5e-07`, without rounding.
    ///
    /// - Throws: `malformedPrice` for other text, a negative number and a rate that is too large; `inexactPrice` for a
    ///   rate with more than 12 fraction digits.
    init(number text: String, _ scale: Scale) throws(PriceImport.Rejection) {
        guard let (digits, exponent) = Self.parts(of: text) else { throw .malformedPrice }
        guard !digits.isEmpty else {
            self = .free
            return
        }
        guard digits.count + exponent <= 20 else { throw .malformedPrice }
        guard digits.count <= Self.maxDigits else { throw .inexactPrice }
        var picos = digits.reduce(Int128(0)) { $0 * 10 + Int128($1) } * scale.factor
        var divisor = scale.divisor
        let shift = exponent + Self.decimals
        // Either way at most 38 digits: the number is less than 10²⁰, and a shift below -38 leaves nothing whole.
        guard shift >= -30 else { throw .inexactPrice }
        for _ in 0..<max(shift, 0) {
            let (product, overflows) = picos.multipliedReportingOverflow(by: 10)
            guard !overflows else { throw .malformedPrice }
            picos = product
        }
        for _ in 0..<max(-shift, 0) { divisor *= 10 }
        let (quotient, remainder) = picos.quotientAndRemainder(dividingBy: divisor)
        guard remainder == 0 else { throw .inexactPrice }
        guard let rate = Rate(exactly: quotient) else { throw .malformedPrice }
        self = rate
    }

    /// The significant digits of a number of JSON that is not negative, and the power of ten that they count; no digits
    /// for 0.
    private static func parts(of text: String) -> (digits: [UInt8], exponent: Int)? {
        let mantissa = text.utf8.prefix { $0 != UInt8(ascii: "e") && $0 != UInt8(ascii: "E") }
        var exponent = 0
        if mantissa.count < text.utf8.count {
            let end = String(decoding: text.utf8.dropFirst(mantissa.count + 1), as: UTF8.self)
            // Beyond this range, all numbers but 0 are too large or too small.
            exponent = min(max(Int(end) ?? (end.hasPrefix("-") ? .min : .max), -1_000), 1_000)
        }
        let halves = mantissa.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = halves.first, !whole.isEmpty else { return nil }
        let fraction = halves.count == 2 ? Array(halves[1]) : []
        var digits = Array(whole) + fraction
        guard digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        exponent -= fraction.count
        while digits.last == 0x30 {
            digits.removeLast()
            exponent += 1
        }
        return (digits.drop { $0 == 0x30 }.map { $0 - 0x30 }, exponent)
    }
}
