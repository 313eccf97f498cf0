import TollgateCore

/// Formats amounts for pages. The texts are exact or rounded towards zero, and do not depend on a locale.
enum NumberText {
    /// The narrow no-break space between groups of three digits.
    private static let separator: Unicode.Scalar = "\u{202F}"

    /// The units of compact texts. The largest comes first.
    private static let scales: [(size: Int128, name: String)] = [
        (1_000_000_000_000, "T"), (1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k"),
    ]

    // MARK: - Exact

    /// Returns a whole number with its digits in groups of three.
    static func grouped(_ number: some BinaryInteger) -> String {
        sign(number) + grouped(digits: String(number.magnitude))
    }

    /// Returns an amount of money with all its decimals: at least two if the unit has as many, and no further zeros at
    /// the end. In nano-units 3 200 000 000 is `3.20`, and 18 500 000 is `0.0185`.
    static func money(_ amount: some BinaryInteger, in unit: MoneyUnit) -> String {
        let digits = padded(String(amount.magnitude), to: unit.decimals + 1)
        let fraction = trimmed(digits.suffix(unit.decimals), to: 2)
        return sign(amount) + grouped(digits: digits.dropLast(unit.decimals)) + fraction
    }

    // MARK: - Compact

    /// Returns a whole number in at most one decimal of a thousand, a million and so on: `999`, `1.2 k`, `3.4 M`.
    static func compact(_ number: Int128) -> String {
        guard let scale = scales.first(where: { number.magnitude >= $0.size.magnitude }) else { return "\(number)" }
        let tenths = number.magnitude / (scale.size.magnitude / 10)
        let fraction = tenths % 10 == 0 ? "" : ".\(tenths % 10)"
        return "\(sign(number))\(grouped(tenths / 10))\(fraction) \(scale.name)"
    }

    /// Returns an amount of money like ``compact(_:)``. Below a thousand it has two decimals or none: `12.34`, `5`.
    /// Below 0.01 it has two significant digits: `0.0012`.
    static func compactMoney(_ amount: Int128, in unit: MoneyUnit) -> String {
        let whole = amount / Int128(unit.countPerCurrencyUnit)
        guard whole.magnitude < 1_000 else { return compact(whole) }
        let digits = padded(String(amount.magnitude), to: unit.decimals + 1).suffix(unit.decimals)
        let leadingZeros = digits.prefix { $0 == "0" }.count
        let fraction = digits.prefix(whole == 0 ? max(leadingZeros + 2, 2) : 2)
        guard fraction.contains(where: { $0 != "0" }) else { return "\(whole)" }
        return "\(sign(amount))\(whole.magnitude)\(trimmed(fraction, to: 2))"
    }

    // MARK: - Parts

    private static func sign(_ number: some BinaryInteger) -> String { number < 0 ? "-" : "" }

    private static func padded(_ digits: String, to length: Int) -> String {
        String(repeating: "0", count: max(length - digits.count, 0)) + digits
    }

    /// Returns the point and the decimals, without zeros at the end beyond a number of decimals.
    private static func trimmed(_ fraction: Substring, to minLength: Int) -> String {
        var fraction = fraction
        while fraction.count > minLength, fraction.last == "0" { fraction.removeLast() }
        return fraction.isEmpty ? "" : ".\(fraction)"
    }

    private static func grouped(digits: some StringProtocol) -> String {
        var result = String.UnicodeScalarView()
        for (index, digit) in digits.unicodeScalars.enumerated() {
            if index > 0, (digits.unicodeScalars.count - index) % 3 == 0 { result.append(separator) }
            result.append(digit)
        }
        return String(result)
    }
}
