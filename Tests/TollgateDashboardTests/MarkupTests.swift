import Testing

@testable import TollgateDashboard

@Suite struct MarkupTests {
    @Test("a quote is escaped although a combining mark follows it")
    func combiningMark() {
        #expect(Markup.escaped("\"\u{301} onclick='x'") == "&quot;\u{301} onclick=&#39;x&#39;")
        #expect(Templates().render("message", ["text": "<\u{338}b>"]).contains("&lt;\u{338}b&gt;"))
    }

    @Test("every byte but letters, digits and - _ ~ is percent-encoded")
    func encoded() {
        #expect(Markup.encoded("user:../ü +~") == "user%3A%2E%2E%2F%C3%BC%20%2B~")
    }
}
