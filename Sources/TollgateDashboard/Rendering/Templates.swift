import Mustache

/// The templates of the pages, which are compiled into the program.
struct Templates: Sendable {
    private let library: MustacheLibrary

    /// Parses all templates. Stops the program if one is malformed, because all of them are the same in every process.
    init() {
        MustacheContentTypes.register(EscapedByScalar(), named: Self.contentType)
        var templates: [String: MustacheTemplate] = [:]
        let suffix = ".mustache"
        for (path, text) in embeddedTexts where path.hasSuffix(suffix) {
            let name = path.split(separator: "/").last.map { String($0.dropLast(suffix.count)) } ?? path
            do {
                templates[name] = try MustacheTemplate(string: "{{% CONTENT_TYPE:\(Self.contentType)}}\(text)")
            } catch {
                fatalError("\(path): \(error)")
            }
        }
        library = MustacheLibrary(templates: templates)
    }

    /// Renders a template. Variables are escaped as HTML, except those in triple braces.
    func render(_ name: String, _ context: TemplateContext) -> String {
        guard let text = library.render(context, withTemplate: name) else { fatalError("\(name): no such template") }
        return text
    }

    private static let contentType = "HTML_BY_SCALAR"

    /// Escapes variables by Unicode scalars. Mustache's own HTML type goes by `Character`, so that a quote before a
    /// combining mark would end an attribute.
    private struct EscapedByScalar: MustacheContentType {
        func escapeText(_ text: String) -> String { Markup.escaped(text) }
    }
}
