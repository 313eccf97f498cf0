package import TollgatePolicy

/// The figure of a provider that counts against a limit of its account: a field of the scope's hash (batch/scope.lua).
package struct ProviderFigure: Equatable, Sendable {
    /// The amount; for `cost` in units of the policy. At most ``maxAmount``.
    package var amount: Int64
    /// The id of the period, such as `2026-11`.
    package var periodID: String
    /// The end of the period, Unix ms.
    package var endsAt: Int64

    /// The maximum amount, which the scripts represent exactly. Larger figures are stored as this one.
    package static let maxAmount: Int64 = 1 << 53

    /// Creates the figure of a period.
    package init(_ amount: Int64, in window: CalendarWindow) {
        self.amount = min(max(amount, 0), Self.maxAmount)
        (periodID, endsAt) = (window.id, window.endsAt)
    }

    /// Parses ``text``; nil for any other text.
    package init?(_ text: String) {
        let words = text.split(separator: " ")
        guard words.count == 3, let amount = Int64(words[0]), (0...Self.maxAmount).contains(amount),
            let endsAt = Int64(words[2])
        else { return nil }
        (self.amount, periodID, self.endsAt) = (amount, String(words[1]), endsAt)
    }

    /// The text of the field: `412000 2026-11 1796083200000`.
    package var text: String { "\(amount) \(periodID) \(endsAt)" }

    /// The field of a limit: `tokens/month.provider`.
    package static func field(of limit: String) -> String { "\(limit).provider" }
}
