/// The kind of a scope: `user`, the composite `user+tool`, or `global`.
package struct ScopeKind: Sendable, Hashable {
    /// The single kinds in canonical order; none for `global`.
    package let names: [String]

    /// The kind of the global scope.
    package static let global = ScopeKind(canonicalNames: [])

    /// The usual kinds, in canonical order. All other kinds follow them, alphabetically.
    package static let usual = ["user", "team", "project", "tenant", "tool", "provider", "model", "account"]

    init(canonicalNames: [String]) {
        self.names = canonicalNames
    }

    /// Parses `user`, `user+tool` (in any order) or `global`. Throws for an invalid or duplicate kind.
    package init(parsing text: some StringProtocol) throws(ScopeError) {
        if text == "global" {
            self = .global
            return
        }
        let names = String(text).split(separator: "+", omittingEmptySubsequences: false).map(String.init)
        for name in names { try Self.validate(name) }
        guard Set(names).count == names.count else { throw ScopeError("\(text): duplicate kind") }
        self.names = names.sorted(by: Self.precedes)
    }

    /// Whether the kind joins two or more kinds.
    package var isComposite: Bool { names.count > 1 }

    /// Returns whether `lhs` comes before `rhs` in the canonical order of kinds within a composite scope.
    package static func precedes(_ lhs: String, _ rhs: String) -> Bool {
        switch (usual.firstIndex(of: lhs), usual.firstIndex(of: rhs)) {
        case (let left?, let right?): left < right
        case (.some, nil): true
        case (nil, .some): false
        case (nil, nil): lhs < rhs
        }
    }

    /// The keys of requests, which therefore cannot be kinds.
    package static let reserved: Set<String> = [
        "global", "requests", "hits", "tokens", "input_tokens", "output_tokens", "cost", "id", "ttl", "reservation",
        "roles",
        "email",
        "scope", "token", "at", "on_expiry", "cache_read_tokens", "cache_write_tokens", "images", "seconds",
    ]

    /// Checks a kind: `[a-z][a-z0-9_]{0,31}`, and not a `reserved` word.
    package static func validate(_ kind: some StringProtocol) throws(ScopeError) {
        guard isWellFormed(kind.utf8) else {
            throw ScopeError("\(kind): a kind is a lower-case letter, then up to 31 of a-z 0-9 _")
        }
        guard !reserved.contains(String(kind)) else {
            throw ScopeError("\(kind): is a word of the protocol and cannot be a kind")
        }
    }

    /// Whether bytes match `[a-z][a-z0-9_]{0,31}`.
    package static func isWellFormed(_ bytes: some Collection<UInt8>) -> Bool {
        guard let first = bytes.first, first >= UInt8(ascii: "a"), first <= UInt8(ascii: "z") else { return false }
        var count = 0
        for byte in bytes {
            count += 1
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                continue
            default: return false
            }
        }
        return count <= 32
    }
}

extension ScopeKind: CustomStringConvertible {
    /// The text of the kind, such as `user`, `user+tool` or `global`.
    package var description: String { names.isEmpty ? "global" : names.joined(separator: "+") }
}

/// The rules for the id of a scope.
package enum ScopeID {
    /// The maximum length of an id, in bytes.
    package static let maxLength = 256

    /// The byte in lower case if it is one of A–Z. Other bytes of UTF-8 are never changed.
    package static func lowercased(_ byte: UInt8) -> UInt8 {
        byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
    }

    /// The text with A–Z in lower case.
    package static func lowercased(_ text: String) -> String {
        String(decoding: text.utf8.map { lowercased($0) }, as: UTF8.self)
    }

    /// Checks an id: 1 … 256 bytes of UTF-8 without control characters (C0, DEL, C1).
    package static func validate(_ id: some StringProtocol, kind: some StringProtocol) throws(ScopeError) {
        guard !id.isEmpty else { throw ScopeError("\(kind): empty id") }
        guard id.utf8.count <= maxLength else { throw ScopeError("\(kind): id longer than \(maxLength) bytes") }
        guard id.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
            throw ScopeError("\(kind): control character in id")
        }
    }

    /// Whether ``validate(_:kind:)`` accepts an id.
    package static func isValid(_ id: some StringProtocol) -> Bool { (try? validate(id, kind: "")) != nil }
}
