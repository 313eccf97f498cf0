/// Whom a limit is about: `user:alice`, the composite `user:alice+tool:search`, or `global`.
///
/// In the text of a scope `+` joins kinds; a plus sign within an id is written twice (`user:bob++test@example.com`), so that
/// every text names exactly one scope.
public struct Scope: Sendable, Hashable {
    /// One `kind:id` of a scope.
    public struct Part: Sendable, Hashable {
        /// Such as `user`.
        public let kind: String
        /// Such as `alice`.
        public let id: String

        /// Takes both as they are; `Scope.init(parts:)` checks them.
        public init(kind: String, id: String) {
            self.kind = kind
            self.id = id
        }

        /// Byte for byte, as Redis keys are: String's own == takes a composed and a decomposed é for the same.
        public static func == (lhs: Part, rhs: Part) -> Bool {
            lhs.kind == rhs.kind && lhs.id.utf8.elementsEqual(rhs.id.utf8)
        }

        /// Over the same bytes that == compares.
        public func hash(into hasher: inout Hasher) {
            hasher.combine(kind)
            for byte in id.utf8 { hasher.combine(byte) }
        }
    }

    /// In canonical order (`ScopeKind.precedes`); empty for `global`.
    public let parts: [Part]

    /// The scope that every request has.
    public static let global = Scope(canonicalParts: [])

    private init(canonicalParts: [Part]) {
        self.parts = canonicalParts
    }

    /// Puts the parts into canonical order. Throws on a bad kind or id, or a kind named twice.
    public init(parts: [Part]) throws(ScopeError) {
        for part in parts {
            try ScopeKind.validate(part.kind)
            try ScopeID.validate(part.id, kind: part.kind)
        }
        let sorted = parts.sorted { ScopeKind.precedes($0.kind, $1.kind) }
        for (part, next) in zip(sorted, sorted.dropFirst()) where part.kind == next.kind {
            throw ScopeError("\(part.kind): named twice")
        }
        self.parts = sorted
    }

    /// Reads the text that `description` prints, with the parts in any order.
    public init(parsing text: some StringProtocol) throws(ScopeError) {
        if text == "global" {
            self = .global
            return
        }
        var parts: [Part] = []
        for piece in Self.pieces(of: text) {
            // By scalar: a colon and a combining mark after it are one Character.
            guard let colon = piece.unicodeScalars.firstIndex(of: ":") else {
                throw ScopeError("\(piece): expected kind:id (a plus sign within an id is written ++)")
            }
            let id = piece.unicodeScalars[piece.unicodeScalars.index(after: colon)...]
            parts.append(Part(kind: String(piece[..<colon]), id: String(id)))
        }
        try self.init(parts: parts)
    }

    /// Cuts at single plus signs, and turns double ones into single ones.
    private static func pieces(of text: some StringProtocol) -> [String] {
        var pieces: [[Unicode.Scalar]] = [[]]
        var scalars = text.unicodeScalars.makeIterator()
        var next = scalars.next()
        while let scalar = next {
            next = scalars.next()
            if scalar != "+" {
                pieces[pieces.count - 1].append(scalar)
            } else if next == "+" {
                pieces[pieces.count - 1].append("+")
                next = scalars.next()
            } else {
                pieces.append([])
            }
        }
        return pieces.map { String(String.UnicodeScalarView($0)) }
    }

    /// `user`, `user+tool`, `global`.
    package var kind: ScopeKind { ScopeKind(canonicalNames: parts.map(\.kind)) }
}

extension Scope: CustomStringConvertible {
    /// `user:alice+tool:search`, with a plus sign within an id written twice.
    public var description: String {
        guard !parts.isEmpty else { return "global" }
        return parts.map { part in
            let id = part.id.unicodeScalars.reduce(into: "") { text, scalar in
                text.unicodeScalars.append(scalar)
                if scalar == "+" { text.unicodeScalars.append("+") }
            }
            return "\(part.kind):\(id)"
        }.joined(separator: "+")
    }
}

/// A sentence that says what is wrong with a scope, a kind or an id.
public struct ScopeError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The sentence.
    public let description: String

    /// Takes the sentence as it is.
    package init(_ description: String) {
        self.description = description
    }
}
