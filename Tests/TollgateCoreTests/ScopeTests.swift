import Testing
import TollgateTestSupport

@testable import TollgateCore

@Suite("Scope")
struct ScopeTests {
    private func scope(_ parts: (String, String)...) throws -> Scope {
        try Scope(parts: parts.map { Scope.Part(kind: $0.0, id: $0.1) })
    }

    @Test(
        "the text of a scope reads back as the same scope",
        arguments: [
            "alice", "bob+test@example.com", "a++b", "+", "++", "+x", "x+", "a:b", ":", "Alice B", " ", "{x}", "}{",
            "\"", "\\",
            "é", "e\u{301}", "\u{301}x", "日本", "a+tool:b", "👩‍👩‍👧",
        ])
    func roundTrip(id: String) throws {
        let single = try scope(("user", id))
        #expect(try Scope(parsing: single.description) == single)
        for other in ["search", "+", "x+", "+y"] {
            let both = try scope(("user", id), ("tool", other))
            #expect(try Scope(parsing: both.description) == both)
        }
    }

    @Test("random scopes have distinct texts, and are parsed back from them")
    func randomRoundTrip() throws {
        var random = SeededGenerator(seed: 2)
        let alphabet: [Character] = ["+", ":", "a", "t", " ", "{", "}", "é", "=", "\"", "\u{301}"]
        var texts: [String: Scope] = [:]
        for _ in 0..<5_000 {
            let ids = (0..<2).map { _ in
                String((0..<Int.random(in: 1...6, using: &random)).map { _ in alphabet.randomElement(using: &random)! })
            }
            let scope = try scope(("user", ids[0]), ("tool", ids[1]))
            #expect(try Scope(parsing: scope.description) == scope)
            if let other = texts.updateValue(scope, forKey: scope.description) {
                #expect(other == scope)
            }
        }
    }

    @Test("a composite scope differs from a scope whose id looks like one")
    func compositeIsNotAnID() throws {
        let composite = try Scope(parsing: "user:a+tool:b")
        let single = try scope(("user", "a+tool:b"))
        #expect(composite != single)
        #expect(composite.description != single.description)
        #expect(single.description == "user:a++tool:b")
        #expect(composite.kind.description == "user+tool")
        #expect(single.kind.description == "user")
    }

    @Test("parts are in canonical order, however they were written")
    func canonicalOrder() throws {
        #expect(try Scope(parsing: "tool:b+user:a").description == "user:a+tool:b")
        #expect(try Scope(parsing: "zone:z+area:x+account:y+user:a").description == "user:a+account:y+area:x+zone:z")
    }

    @Test("ids are compared byte for byte")
    func bytewise() throws {
        let composed = try scope(("user", "\u{E9}"))
        let decomposed = try scope(("user", "e\u{301}"))
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
    }

    @Test("global has no parts")
    func global() throws {
        #expect(try Scope(parsing: "global") == .global)
        #expect(Scope.global.description == "global")
        #expect(Scope.global.kind == .global)
    }

    @Test(
        "what is not a scope is refused with a sentence",
        arguments: [
            ("", ": expected kind:id or kind=id, such as user:alice"),
            ("alice", "alice: expected kind:id or kind=id, such as user:alice"),
            ("alice+x", "alice+x: expected kind:id or kind=id, such as user:alice"),
            ("user:a+b", "user: a single + joins scopes; within an id write ++, or user=a+b"),
            ("user:a+B:c", "user: a single + joins scopes; within an id write ++, or user=a+B:c"),
            ("user=", "user: empty id"),
            ("user+tool=a", "user+tool=a: expected kind:id or kind=id, such as user:alice"),
            ("user:", "user: empty id"),
            ("User:a", "User: a kind is a lower-case letter, then up to 31 of a-z 0-9 _"),
            (":a", ": a kind is a lower-case letter, then up to 31 of a-z 0-9 _"),
            ("cost:a", "cost: is a word of the protocol and cannot be a kind"),
            ("global:a", "global: is a word of the protocol and cannot be a kind"),
            ("user:a+user:b", "user: duplicate kind"),
            ("user:a\u{0}", "user: control character in id"),
            ("user:a\n", "user: control character in id"),
            ("user:\u{7F}", "user: control character in id"),
            ("user:\u{85}", "user: control character in id"),
        ])
    func refused(text: String, sentence: String) {
        #expect(throws: ScopeError(sentence)) { try Scope(parsing: text) }
    }

    @Test("an id has at most 256 bytes")
    func longIDs() throws {
        #expect(throws: Never.self) { try scope(("user", String(repeating: "x", count: 256))) }
        #expect(throws: Never.self) { try scope(("user", String(repeating: "é", count: 128))) }
        #expect(throws: ScopeError("user: id longer than 256 bytes")) {
            try scope(("user", String(repeating: "é", count: 128) + "x"))
        }
    }
}

@Suite("ScopeKind")
struct ScopeKindTests {
    @Test("kinds are in canonical order", arguments: ["user+tool", "tool+user"])
    func order(text: String) throws {
        #expect(try ScopeKind(parsing: text).description == "user+tool")
        #expect(try ScopeKind(parsing: text).isComposite)
    }

    @Test("the usual kinds come before all others, which are in alphabetical order")
    func unusual() throws {
        #expect(try ScopeKind(parsing: "region+account+city").description == "account+city+region")
    }

    @Test("global cannot be part of a composite kind")
    func global() throws {
        #expect(try ScopeKind(parsing: "global") == .global)
        #expect(ScopeKind.global.names.isEmpty)
        #expect(throws: ScopeError.self) { try ScopeKind(parsing: "user+global") }
    }

    @Test(
        "what is not a kind is refused",
        arguments: [
            "", "+", "user+", "+user", "user+user", "User", "1a", "a-b", "a b", "é", "_a", "tokens", "email", "roles",
            "a23456789012345678901234567890123",
        ])
    func refused(text: String) {
        #expect(throws: ScopeError.self) { try ScopeKind(parsing: text) }
    }

    @Test("a kind has up to 32 letters, digits and underscores")
    func accepted() throws {
        #expect(throws: Never.self) { try ScopeKind(parsing: "a2345678901234567890123456789_12") }
    }

    @Test("the first : or = separates the kind from the id, and = takes the rest of the text as the id")
    func separators() throws {
        for (text, description) in [
            ("user=alice", "user:alice"), ("user:a=b", "user:a=b"), ("user=a:b", "user:a:b"),
            ("tool:t+user=a", "user:a+tool:t"), ("user=a+b", "user:a++b"), ("user=a++b", "user:a++++b"),
            ("user=+", "user:++"), ("user=a+=b", "user:a++=b"), ("user=a+b+c=d", "user:a++b++c=d"),
        ] {
            #expect(try Scope(parsing: text).description == description)
        }
    }

    @Test("a kind=id that reads as a joined scope is an error with both spellings", arguments: ["=", ":"])
    func ambiguous(sign: String) throws {
        let error = #expect(throws: ScopeError.self) { try Scope(parsing: "user=a+tool\(sign)t") }
        #expect(
            error?.description
                == "user=a+tool\(sign)t: write user:a+tool:t for the joined scope, or user:a++tool\(sign)t for the id")
        #expect(try Scope(parsing: "user:a++tool\(sign)t").parts.map(\.id) == ["a+tool\(sign)t"])
    }

    @Test("folding changes A to Z in the ids of the given kinds only")
    func folding() throws {
        let scope = try Scope(parsing: "user:AliceÉ+tool:Search")
        #expect(scope.foldingCase(of: ["user"]).description == "user:aliceÉ+tool:Search")
        #expect(scope.foldingCase(of: ["team"]) == scope)
        #expect(scope.foldingCase(of: []) == scope)
    }
}
