import TollgateCore

/// The rule of a field that sets the maximum of a limit. The script of the pages has the same rule, and shows the same
/// sentence.
struct LimitRule: Sendable {
    let meter: Meter
    let unit: MoneyUnit

    /// The sentence beside a field whose text is not accepted.
    var message: String {
        guard meter == .cost else { return "Enter a whole number from 1 to \(meter.maxLimit)." }
        let decimals = unit.decimals
        let most = "up to \(unit.text(meter.maxLimit))"
        guard decimals > 0 else { return "Enter a whole amount above 0, \(most)." }
        return "Enter an amount above 0 with at most \(decimals) decimal\(decimals == 1 ? "" : "s"), \(most)."
    }

    /// Returns the amount of a text. Nil unless it is a positive whole number without leading zeros, or for money a
    /// positive decimal number, and at most the maximum of a limit.
    func amount(of text: String) -> Int64? {
        let amount: Int64?
        if meter == .cost {
            amount = try? unit.amount(parsing: text.utf8)
        } else {
            let isWhole = text.utf8.allSatisfy { (0x30...0x39).contains($0) } && !text.hasPrefix("0")
            amount = isWhole ? Int64(text) : nil
        }
        return amount.flatMap { (1...meter.maxLimit).contains($0) ? $0 : nil }
    }

    /// The values of a field's template: the rule for the script, and the sentence.
    var context: TemplateContext {
        [
            "rule": meter == .cost ? "money" : "whole", "decimals": unit.decimals,
            "max": meter == .cost ? unit.text(meter.maxLimit) : "\(meter.maxLimit)", "message": message,
        ]
    }
}
