import TollgateAdmin

/// A setting that was changed after the form was shown. The page of the form shows both versions, and the form has the
/// new version, so that sending it again replaces it.
struct EditConflict: Sendable {
    /// The stored setting. Nil if there is none any more.
    var stored: JSONValue?
    /// The number of the stored version, 0 if there is none.
    var version: Int64
    /// The lines that the user entered. Nil if the setting was to be deleted.
    var sent: JSONValue?

    /// Creates the conflict that a problem of the API states. Nil for another problem.
    init?(_ problem: Problem, stored: JSONValue?, sent: JSONValue?) {
        guard problem.code == .preconditionFailed else { return nil }
        version = problem.current.flatMap { Int64($0.filter(\.isWholeNumber)) } ?? 0
        self.stored = version == 0 ? nil : stored
        self.sent = sent
    }

    var sentence: String {
        guard version > 0 else {
            return "Nothing was changed: it has been deleted meanwhile."
                + (sent == nil ? "" : " Send it again to create it.")
        }
        let action = sent == nil ? "delete" : "replace"
        return "Nothing was changed: version \(version) is stored meanwhile. Send it again to \(action) that version."
    }

    /// The values of the template `conflict`.
    var context: TemplateContext {
        let diff = LineDiff(stored, sent ?? stored)
        var context: TemplateContext = ["sentence": sentence, "stored": diff.context([.both, .before])]
        if version > 0 { context["storedVersion"] = version }
        if sent != nil { context["sent"] = ["lines": diff.context([.both, .after])] as TemplateContext }
        return context
    }
}
