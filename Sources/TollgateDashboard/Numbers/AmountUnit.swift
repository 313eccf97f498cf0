import TollgateCore

/// The unit of the amounts in a column, a card or a chart.
enum AmountUnit: Hashable, Sendable {
    /// Whole numbers of something, such as `tokens`.
    case count(String)
    /// Money in a unit of the policy's currency.
    case money(MoneyUnit, currency: String)

    /// The name: `tokens`, or the currency.
    var name: String {
        switch self {
        case .count(let name): name
        case .money(_, let currency): currency
        }
    }

    /// Returns the exact text of an amount with the name: `1 200 tokens`, `3.20 USD`.
    func text(_ amount: Int128) -> String { "\(number(amount)) \(name)" }

    /// Returns the exact text of an amount without the name, for columns whose header has it.
    func number(_ amount: Int128) -> String {
        switch self {
        case .count: NumberText.grouped(amount)
        case .money(let unit, _): NumberText.money(amount, in: unit)
        }
    }

    /// Returns the compact text of an amount with the name: `1.2 k tokens`, `3.20 USD`.
    func compactText(_ amount: Int128) -> String { "\(compact(amount)) \(name)" }

    /// Returns the compact text of an amount without the name, for axes and cards.
    func compact(_ amount: Int128) -> String {
        switch self {
        case .count: NumberText.compact(amount)
        case .money(let unit, _): NumberText.compactMoney(amount, in: unit)
        }
    }
}
