import Testing

@testable import TollgateDashboard

/// Finds markup that the content security policy would block, or that would ask another host.
enum UnsafeMarkup {
    static func findings(in markup: String) -> [String] {
        // Quoted values and tags only: text may contain anything.
        let tags = markup.matches(of: #/<[a-zA-Z](?:[^"'>]|"[^"]*"|'[^']*')*>/#).map { String($0.output) }
        return tags.filter { tag in
            let name = tag.dropFirst().prefix { $0.isLetter || $0.isNumber }.lowercased()
            if ["style", "iframe", "object", "embed", "base"].contains(name) { return true }
            if name == "script", !tag.contains(" src=\"") { return true }
            // The names and values of attributes.
            return tag.matches(of: #/\s([\w:-]+)\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)/#).contains { match in
                let (attribute, value) = (match.1.lowercased(), match.2.drop { $0 == "\"" || $0 == "'" }.lowercased())
                if attribute == "style" || attribute.hasPrefix("on") { return true }
                guard ["href", "src", "action", "formaction", "xlink:href"].contains(attribute) else { return false }
                return value.hasPrefix("//") || value.contains(#/^[a-z]+:/#)
            }
        }
    }
}

@Suite struct EmbeddedTextTests {
    @Test(
        "unsafe markup is found",
        arguments: [
            "<script>x</script>", "<p style=\"x\">", "<img src=x onerror=alert(1)>", "<a href=\"javascript:x\">",
            "<a href='//evil.example'>", "<form action=\"https://evil.example\">", "<style>p {}</style>",
            "<svg><a xlink:href=\"data:x\">", "<base href=\"/x\">", "<p\nonclick = \"x\">",
        ])
    func unsafe(markup: String) {
        #expect(UnsafeMarkup.findings(in: markup).count == 1)
    }

    @Test("escaped text and own links are safe")
    func safe() {
        let markup = """
            <p class="on" data-tip="onerror=x">&lt;img onerror=x&gt; style="x"</p><a href="/usage?x=javascript:y">a</a>
            <script src="/x.js" defer></script>
            """
        #expect(UnsafeMarkup.findings(in: markup) == [])
    }

    @Test("templates contain no inline script or style, and no address of another host")
    func templates() {
        let templates = embeddedTexts.filter { $0.key.hasSuffix(".mustache") }
        #expect(templates.count >= 6)
        for (path, text) in templates {
            #expect(UnsafeMarkup.findings(in: text) == [], "\(path)")
            for word in ["javascript:", "http://", "https://", "srcdoc", "@import"] {
                #expect(!text.contains(word), "\(path): \(word)")
            }
            // Values are escaped, except markup that the code of this module generates.
            let bare = text.matches(of: #/\{\{\{\s*(\w+)|\{\{&\s*(\w+)/#).map { String($0.1 ?? $0.2 ?? "") }
            #expect(Set(bare).subtracting(Self.generated) == [], "\(path)")
            #expect(text.matches(of: #/\s[\w-]+=\{\{/#).isEmpty, "\(path): an attribute without quotes")
        }
    }

    /// The values that are markup: charts, and rows that are rendered before.
    private static let generated: Set = ["chart", "html", "sparkline", "svg"]

    @Test("every form that is posted sends the token of the session")
    func formTokens() {
        for (path, text) in embeddedTexts where path.hasSuffix(".mustache") {
            for form in text.split(separator: "<form").dropFirst() where form.prefix(200).contains("method=\"post\"") {
                let body = form.split(separator: "</form>", maxSplits: 1)[0]
                #expect(body.contains("name=\"csrf\" value=\"{{csrf}}\""), "\(path): \(form.prefix(60))")
            }
        }
    }

    @Test("the style sheet and the script have at most 60 KB, and ask no other host")
    func assets() {
        let (styles, script) = (Assets.styles.text, Assets.script.text)
        #expect(!styles.isEmpty && !script.isEmpty)
        #expect(styles.utf8.count + script.utf8.count <= 60_000)
        for word in ["http:", "https:", "@import", "url(//"] {
            #expect(!styles.contains(word) && !script.contains(word), "\(word)")
        }
        for word in ["innerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
            #expect(!script.contains(word), "\(word)")
        }
    }
}
