/// The place of an entry in the stream of what happens to alerts, written `1795219201123-0`; ordered as the stream is. A plain value.
package struct AlertCursor: Sendable, Hashable, Comparable {
    /// When the entry was written, Unix ms of Redis's clock.
    package var milliseconds: UInt64
    /// Tells apart those of one millisecond.
    package var sequence: UInt64

    /// Before every entry.
    package static let start = AlertCursor(milliseconds: 0, sequence: 0)

    /// The longest text of one, in bytes.
    package static let longest = 41

    package init(milliseconds: UInt64, sequence: UInt64) {
        self.milliseconds = milliseconds
        self.sequence = sequence
    }

    /// Reads two whole numbers with a hyphen between; nil for any other text.
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
    /// `1795219201123-0`
    package var description: String { "\(milliseconds)-\(sequence)" }
}
