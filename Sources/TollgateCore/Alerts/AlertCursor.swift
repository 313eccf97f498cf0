/// The id of an entry in the stream of alert events, such as `1795219201123-0`. Cursors are ordered as the entries are.
package struct AlertCursor: Sendable, Hashable, Comparable {
    /// The time at which the entry was written, in Unix ms by Redis's clock.
    package var milliseconds: UInt64
    /// The number of the entry within its millisecond.
    package var sequence: UInt64

    /// The cursor before the first entry.
    package static let start = AlertCursor(milliseconds: 0, sequence: 0)

    /// The maximum length of the text, in bytes.
    package static let maxLength = 41

    package init(milliseconds: UInt64, sequence: UInt64) {
        self.milliseconds = milliseconds
        self.sequence = sequence
    }

    /// Parses two whole numbers with a hyphen between them; nil for any other text.
    package init?(parsing text: some Collection<UInt8>) {
        guard let hyphen = text.firstIndex(of: UInt8(ascii: "-")), let milliseconds = Self.number(text[..<hyphen]),
            let sequence = Self.number(text[text.index(after: hyphen)...])
        else { return nil }
        self.init(milliseconds: milliseconds, sequence: sequence)
    }

    private static func number(_ digits: some Collection<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            let (tens, isTooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, isSumTooLarge) = tens.addingReportingOverflow(UInt64(digit - UInt8(ascii: "0")))
            guard !isTooLarge, !isSumTooLarge else { return nil }
            value = sum
        }
        return digits.isEmpty ? nil : value
    }

    package static func < (lhs: AlertCursor, rhs: AlertCursor) -> Bool {
        (lhs.milliseconds, lhs.sequence) < (rhs.milliseconds, rhs.sequence)
    }
}

extension AlertCursor: CustomStringConvertible {
    /// The text of the cursor, such as `1795219201123-0`.
    package var description: String { "\(milliseconds)-\(sequence)" }
}
