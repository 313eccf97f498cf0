import Mustache

/// The values of a template by name: texts, numbers, Booleans, lists of contexts and contexts.
///
/// A type of its own, as Mustache asks each value for several protocols. A plain dictionary conforms only under a condition,
/// and a plain text to none, which is slow to find out in a table of many rows. It would read a struct with properties by
/// reflection, which is slow as well.
struct TemplateContext: MustacheParent, ExpressibleByDictionaryLiteral {
    private var values: [String: Any]

    init(dictionaryLiteral elements: (String, Any)...) {
        values = Dictionary(minimumCapacity: elements.count)
        for (name, value) in elements { self[name] = value }
    }

    subscript(name: String) -> Any? {
        get { (values[name] as? Text)?.renderText ?? values[name] }
        set { values[name] = (newValue as? String).map(Text.init) ?? newValue }
    }

    /// Adds the values of another context, in place of those with the same names.
    mutating func merge(_ other: TemplateContext) { values.merge(other.values) { _, new in new } }

    /// Returns the context with the values of another one, in place of those with the same names.
    func merging(_ other: TemplateContext) -> TemplateContext {
        var merged = self
        merged.merge(other)
        return merged
    }

    func child(named name: String) -> Any? { values[name] }

    /// A text, which Mustache renders as it is.
    private struct Text: MustacheCustomRenderable {
        let renderText: String
        let isNull = false
    }
}
