import Foundation
import TollgateCore
import TollgatePolicy

/// The query of a request. It accepts only the parameters that the route allows, each at most once.
struct Query {
    private var values: [String: String] = [:]

    init(_ text: String?, allowed: [String]) throws(Problem) {
        for pair in (text ?? "").split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let key = parts[0].removingPercentEncoding,
                let value = (parts.count > 1 ? parts[1] : "").removingPercentEncoding
            else { throw .badRequest("query: expected percent-encoded UTF-8") }
            guard allowed.contains(key) else {
                let expected =
                    allowed.isEmpty
                    ? "this route has no parameters" : "expected one of \(allowed.joined(separator: ", "))"
                throw .badRequest("\(key.prefix(64)): unknown query parameter; \(expected)")
            }
            guard values.updateValue(value, forKey: key) == nil else {
                throw .badRequest("\(key): duplicate parameter")
            }
        }
    }

    subscript(_ key: String) -> String? { values[key] }

    /// The maximum size of a page.
    static let maxItems = 1_000

    /// Returns the page size, 1 … 1000, from `limit=` or another parameter.
    func limit(_ key: String = "limit", default defaultLimit: Int = 100) throws(Problem) -> Int {
        guard let text = values[key] else { return defaultLimit }
        // `Int` would accept a plus sign.
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let limit = Int(text),
            (1...Self.maxItems).contains(limit)
        else {
            throw .badRequest("\(key): expected a whole number from 1 to \(Self.maxItems)")
        }
        return limit
    }

    /// Returns the required parameter `kind=`.
    func kind() throws(Problem) -> ScopeKind {
        guard let text = values["kind"] else {
            throw .badRequest("kind: is required, such as user or user+tool")
        }
        return try Self.read("kind") { () throws(ScopeError) in try ScopeKind(parsing: text) }
    }

    /// Returns the scope in `scope=`.
    func scope() throws(Problem) -> Scope? {
        guard let text = values["scope"] else { return nil }
        return try Self.scope(text, "scope")
    }

    /// Parses the scope in a parameter.
    static func scope(_ text: some StringProtocol, _ key: String) throws(Problem) -> Scope {
        try read(key) { () throws(ScopeError) in try Scope(parsing: text) }
    }

    /// Parses a parameter. The thrown problem names it.
    static func read<Value>(_ key: String, _ body: () throws(ScopeError) -> Value) throws(Problem) -> Value {
        do throws(ScopeError) {
            return try body()
        } catch {
            throw .badRequest(
                "\(key): \(PolicyProblem(file: "", line: 1, path: "", sentence: error.description).sentence)")
        }
    }

    /// Returns a parameter with a fixed set of values, or nil if it is missing.
    func word<Word: RawRepresentable & CaseIterable>(
        _ key: String, _ type: Word.Type
    ) throws(Problem) -> Word? where Word.RawValue == String {
        guard let text = values[key] else { return nil }
        return try Self.word(text, key)
    }

    /// Returns a comma-separated parameter with a fixed set of values. Empty if it is missing.
    func words<Word: RawRepresentable & CaseIterable & Hashable>(
        _ key: String, _ type: Word.Type
    ) throws(Problem) -> Set<Word> where Word.RawValue == String {
        var words: Set<Word> = []
        for text in values[key]?.split(separator: ",", omittingEmptySubsequences: false) ?? [] {
            words.insert(try Self.word(String(text), key))
        }
        return words
    }

    private static func word<Word: RawRepresentable & CaseIterable>(
        _ text: String, _ key: String
    ) throws(Problem) -> Word where Word.RawValue == String {
        guard let word = Word(rawValue: text) else {
            throw .badRequest("\(key): expected one of \(Word.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return word
    }

    /// The `next` of the previous page, from `cursor=`.
    var cursor: String? { values["cursor"] }
}

extension Query {
    /// The user's traits, from `roles=` and `email=`.
    func traits() throws(Problem) -> UserTraits {
        let roles = try text("roles", maxLength: 1_024)?.split(separator: ",").map(String.init)
        return UserTraits(roles: roles ?? [], email: try text("email", maxLength: ScopeID.maxLength))
    }

    private func text(_ key: String, maxLength: Int) throws(Problem) -> String? {
        guard let text = self[key] else { return nil }
        guard (1...maxLength).contains(text.utf8.count), ObjectReader.isPrintable(text) else {
            throw .badRequest("\(key): expected 1 to \(maxLength) bytes of text without control characters")
        }
        return text
    }
}
