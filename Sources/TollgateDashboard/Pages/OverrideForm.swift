import TollgateAdmin
import TollgateCore
import TollgatePolicy
import TollgateStores

/// The form of an override: one change by its parts, further ones as text, the end and the reason.
struct OverrideForm {
    /// The keys of the JSON that can be edited.
    static let keys: Set<String> = ["limits", "add", "expires_at", "reason"]

    /// The periods to choose from. Others can be typed in the texts.
    static let periods = ["1m", "1h", "24h", "day", "week", "month", "total"]

    /// The fields that are shown again as they were entered. The others are choices.
    static let entered = ["scope", "amount", "limits", "add", "ends", "reason", "version"]

    let form: Form
    /// Redis's time in Unix ms, from which durations count.
    let now: Int64

    /// The fields by the API's field paths. Errors of limits are shown beside the amount if there is one.
    var fields: [String: String] {
        let isSimple = form["amount"] != nil
        return [
            "limits": isSimple && !isAddition ? "amount" : "limits", "add": isSimple && isAddition ? "amount" : "add",
            "expires_at": "ends", "reason": "reason",
        ]
    }

    private var isAddition: Bool { form["change"] == "add" }

    /// Returns the body for the API. Throws a `FormFailure` about an end that is none, and a text that is neither JSON nor YAML.
    func body() throws(FormFailure) -> JSONValue {
        var limits = try members("limits")
        var additions = try members("add")
        if let text = form["amount"] {
            let meter = form["meter"] ?? ""
            let period = form["period"] ?? ""
            let amount = amount(text, of: meter)
            if isAddition {
                additions["\(meter)/\(period)"] = amount
            } else if meter == Meter.concurrent.name {
                limits[meter] = amount
            } else {
                var periods = limits[meter]?.members ?? [:]
                periods[period] = amount
                limits[meter] = .object(periods)
            }
        }
        var body: [String: JSONValue] = [:]
        if !limits.isEmpty { body["limits"] = .object(limits) }
        if !additions.isEmpty { body["add"] = .object(additions) }
        guard let end = EndTime(form["ends"] ?? "", after: now) else {
            throw FormFailure(form: "grant", ["ends": EndTime.message], entered: form)
        }
        body["expires_at"] = .string(LocalTime.iso(end.milliseconds))
        body["reason"] = form["reason"].map { .string($0) }
        return .object(body)
    }

    private func members(_ field: String) throws(FormFailure) -> [String: JSONValue] {
        let value: JSONValue
        do throws(SettingText.Fault) {
            value = try SettingText.value(of: form.raw(field) ?? "")
        } catch {
            throw FormFailure(form: "grant", [field: error.sentence], entered: form)
        }
        guard let members = value.members else {
            throw FormFailure(form: "grant", [field: "Expected an object."], entered: form)
        }
        return members
    }

    private func amount(_ text: String, of meter: String) -> JSONValue {
        if text == "unlimited" { return .null }
        guard meter != Meter.cost.name, let number = Int64(text) else { return .string(text) }
        return .integer(number)
    }

    /// Returns the values of the form for a stored override, from its JSON.
    static func context(of stored: JSONValue) -> TemplateContext {
        let members = stored.members ?? [:]
        var context: TemplateContext = [:]
        for key in ["limits", "add"] { context[key] = members[key]?.members.map { JSONValue.object($0).indented } }
        context["hasTexts"] = members["limits"] != nil || members["add"] != nil
        context["ends"] = members["expires_at"]?.text
        context["reason"] = members["reason"]?.text
        context["scope"] = members["scope"]?.text
        if case .integer(let version) = members["version"] { context["version"] = version }
        return context
    }
}
