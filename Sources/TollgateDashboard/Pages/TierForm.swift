import TollgateAdmin
import TollgatePolicy

/// The form of a tier: the fields of its JSON in the API, with the limits as one text.
enum TierForm {
    /// The keys of the JSON that can be edited.
    static let keys: Set<String> = [
        "name", "description", "enabled", "limits", "timezone", "reset_hour", "billing_day",
    ]
    /// The fields by the API's field paths.
    static let fields = Dictionary(uniqueKeysWithValues: keys.map { ($0, $0) })

    /// Returns the body of a posted form. Throws a `FormFailure` about limits that are neither JSON nor YAML.
    static func body(_ form: Form, named name: String) throws(FormFailure) -> JSONValue {
        var members: [String: JSONValue] = ["enabled": .bool(form["enabled"] != nil)]
        for key in ["name", "description", "timezone"] { members[key] = form[key].map { .string($0) } }
        for key in ["reset_hour", "billing_day"] {
            members[key] = form[key].map { text in Int64(text).map { .integer($0) } ?? .string(text) }
        }
        do throws(SettingText.Fault) {
            members["limits"] = try SettingText.value(of: form.raw("limits") ?? "")
        } catch {
            throw FormFailure(form: name, ["limits": error.sentence], entered: form)
        }
        return .object(members)
    }

    /// Returns the values of the form for a stored tier, from its JSON.
    static func context(of tier: JSONValue, version: Int64) -> TemplateContext {
        let members = tier.members ?? [:]
        var context: TemplateContext = ["version": version, "limits": members["limits"]?.indented ?? "{}"]
        for key in ["name", "description", "timezone"] { context[key] = members[key]?.text }
        for key in ["reset_hour", "billing_day"] {
            if case .integer(let number) = members[key] { context[key] = "\(number)" }
        }
        if members["enabled"] != .bool(false) { context["enabled"] = "on" }
        return context
    }
}
