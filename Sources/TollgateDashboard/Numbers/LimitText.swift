import TollgateCore
import TollgatePolicy

/// The texts of limits on pages.
enum LimitText {
    /// Returns an amount of a limit's meter, with its digits in groups.
    static func amount(_ amount: Int64, _ limit: Limit) -> String {
        limit.meter == .cost ? NumberText.money(amount, in: limit.unit) : NumberText.grouped(amount)
    }

    /// Returns what a limit counts: `USD / month`, `tokens / total`, `requests / 1m`.
    static func unit(_ limit: Limit, currency: String) -> String {
        let meter = limit.meter == .cost ? currency : limit.meter.name.replacing("_", with: " ")
        return limit.meter == .concurrent ? "open reservations" : "\(meter) / \(limit.period)"
    }

    /// Returns a limit in words: `500 USD / month`, `unlimited tokens / total`, `60 requests / 1m (shadow)`.
    static func sentence(_ limit: Limit, currency: String) -> String {
        let amount = limit.max.map { Self.amount($0, limit) } ?? "unlimited"
        return "\(amount) \(unit(limit, currency: currency))\(limit.mode == .shadow ? " (shadow)" : "")"
    }
}
