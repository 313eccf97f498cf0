import HTTPTypes
import TollgateAdmin

/// A posted form that was not accepted: what is wrong with it, and what the user entered. Its page shows both.
struct FormFailure: Error {
    /// The name of the form on its page.
    var form: String
    /// The HTTP status.
    var status: Int
    /// The sentences by the name of their field. An empty name is the form as a whole.
    var errors: [String: String] = [:]
    /// The fields as they were sent.
    var entered: Form
    /// The stored version, if another one was replaced.
    var conflict: EditConflict?

    init(form: String, status: Int = 422, _ errors: [String: String], entered: Form) {
        self.form = form
        self.status = status
        self.errors = errors
        self.entered = entered
    }

    /// Creates the failure of a call of the API.
    ///
    /// - Parameter fields: The fields of the form by the first component of the API's field paths, such as `limits` for
    ///   `limits.cost.month`. Errors about others concern the form as a whole.
    init(_ problem: Problem, form: String, fields: [String: String] = [:], entered: Form) {
        self.init(form: form, status: problem.code.status.code, [:], entered: entered)
        for error in problem.errors {
            let name = error.field.prefix { $0 != "." && $0 != "[" }
            let field = fields[String(name)] ?? ""
            // A field may contain several values, and then the path says which.
            let isWhole = !field.isEmpty && error.field == name || error.field.isEmpty
            let sentence = isWhole ? error.message : "\(error.field): \(error.message)"
            errors[field] = errors[field].map { "\($0) \(sentence)" } ?? sentence
        }
        if problem.errors.isEmpty { errors[""] = problem.detail }
    }

    /// Returns the values of the form's template: `error`, `FIELDError` for each field with an error, and what the user
    /// entered in the given fields. Other fields of the request would replace values of the page.
    func context(of fields: some Sequence<String>) -> TemplateContext {
        var context: TemplateContext = ["isOpen": true]
        for field in fields { context[field] = entered.raw(field) }
        for (field, sentence) in errors { context[field.isEmpty ? "error" : "\(field)Error"] = sentence }
        if let conflict {
            context["conflict"] = conflict.context
            context["version"] = conflict.version
        }
        return context
    }
}
