import TollgateCore
import TollgatePolicy

/// The form of one limit: its maximum, and for a new limit also its meter and its period.
struct LimitField {
    /// The id of the field in the page.
    var id: String
    /// The meter, or for a new limit the one that is chosen at first.
    var meter = Meter.tokens
    /// Nil for a new limit, whose meter and period the user chooses.
    var period: Period?
    /// The period that is chosen at first for a new limit.
    var firstPeriod = Period.month
    /// The maximum in force, as the form states it. Empty for none.
    var seen = ""
    /// The text in the field.
    var value = ""
    /// The sentence beside the field.
    var error: String?
    /// Whether the script selects the text of the field when the form appears.
    var isFocused = false
    let unit: MoneyUnit
    let currency: String

    init(id: String, in policy: Policy) {
        self.id = id
        unit = policy.moneyUnit
        currency = policy.currency
    }

    /// Creates the field of a limit in force.
    init(id: String, of limit: Limit, in policy: Policy) {
        self.init(id: id, in: policy)
        meter = limit.meter
        period = limit.period
        seen = limit.max.map { limit.text($0) } ?? ""
        value = seen
    }

    /// Shows what the user entered, and why it was not accepted.
    mutating func reject(_ edit: LimitEdit, _ failure: LimitEdit.Failure) {
        meter = edit.meter
        firstPeriod = edit.period
        // A new limit that another user has set meanwhile is one to replace.
        if period != nil || failure.current != nil { period = edit.period }
        seen = failure.current ?? edit.seen
        value = edit.text ?? ""
        error = failure.message
    }

    /// The meters of limits that a user can set here.
    private static let meters: [Meter] = [.tokens, .cost, .requests, .inputTokens, .outputTokens]
    private static let periods: [Period] = [.day, .week, .month, .total]

    /// The values of the template `limit-field`.
    var context: TemplateContext {
        var context = LimitRule(meter: meter, unit: unit).context
        context["fieldID"] = id
        context["seen"] = seen
        context["value"] = value
        context["fieldError"] = error ?? ""
        context["isInvalid"] = error != nil
        context["isOpen"] = error != nil
        context["isFocused"] = isFocused
        context["isDecimal"] = meter == .cost && unit.decimals > 0
        context["isChosen"] = period != nil
        context["fieldLabel"] = period.map { meter.limitName(over: $0) } ?? "Limit"
        context["meter"] = meter.name
        context["period"] = (period ?? firstPeriod).description
        guard period == nil else { return context }
        context["meters"] = Self.meters.map { option -> TemplateContext in
            var context = LimitRule(meter: option, unit: unit).context
            context["name"] = option.name
            context["label"] = option == .cost ? "cost (\(currency))" : option.name.replacing("_", with: " ")
            context["isSelected"] = option == meter
            return context
        }
        context["periods"] = Self.periods.map { option -> TemplateContext in
            ["name": option.description, "isSelected": option == firstPeriod]
        }
        return context
    }
}
