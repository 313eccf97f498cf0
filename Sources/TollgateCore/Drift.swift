/// The difference between our count of an amount and a provider's, as a share of the provider's. It is negative if we
/// counted less. The arithmetic is exact.
package struct Drift: Sendable, Hashable {
    /// The maximum of an amount: 10³⁰, so that no product below overflows.
    private static let maxAmount: Int128 = 1_000_000_000_000_000 * 1_000_000_000_000_000

    /// Our amount less theirs.
    private let difference: Int128
    private let theirs: Int128

    /// Creates a drift; nil unless both amounts are 0 to 10³⁰, in the same unit.
    package init?(ours: Int128, theirs: Int128) {
        guard (0...Self.maxAmount).contains(ours), (0...Self.maxAmount).contains(theirs) else { return nil }
        difference = ours - theirs
        self.theirs = theirs
    }

    /// The drift in tenths of a percent, rounded half away from zero, at most that of an Int64. Nil if the provider
    /// counted 0 and we did not: there is no share of 0.
    package var tenths: Int64? {
        guard theirs > 0 else { return difference == 0 ? 0 : nil }
        let magnitude = (abs(difference) * 2_000 + theirs) / (2 * theirs)
        return Int64(clamping: difference < 0 ? -magnitude : magnitude)
    }

    /// Whether the unrounded drift is more than a percentage in either direction. If only we counted something, it is
    /// more than any.
    package func isPast(_ percent: Int) -> Bool {
        abs(difference) * 100 > Int128(percent) * theirs
    }

    /// Whether this drift is farther from 0 than another one, to a tenth of a percent.
    package func isLarger(than other: Drift) -> Bool { magnitude > other.magnitude }

    private var magnitude: UInt64 { tenths?.magnitude ?? .max }
}

extension Drift: CustomStringConvertible {
    /// The text of the percentage, such as `-3.2` or `12`; nil if there is none.
    package var percentText: String? {
        guard let tenths else { return nil }
        let (whole, fraction) = tenths.magnitude.quotientAndRemainder(dividingBy: 10)
        return "\(tenths < 0 ? "-" : "")\(whole)\(fraction == 0 ? "" : ".\(fraction)")"
    }

    /// `-3.2 %`, or `only ours` if the provider counted 0 and we did not.
    package var description: String { percentText.map { "\($0) %" } ?? "only ours" }
}
