/// A scope: the subject of limits and counters. `user:alice`, the composite `user:alice+tool:search`, or `global`.
///
/// In the text of a scope `+` joins kinds. A plus sign within an id is doubled, `user:bob++test@example.com`, so each
/// text names exactly one scope. `user=bob+test@example.com` names the same scope: after `kind=`, the id is taken as it is.
public struct Scope: Sendable, Hashable {
    /// One `kind:id` of a scope.
    public struct Part: Sendable, Hashable {
        /// The kind, such as `user`.
        public let kind: String
        /// The id, such as `alice`.
        public let id: String

        /// Creates a part. `Scope.init(parts:)` checks it.
        public init(kind: String, id: String) {
            self.kind = kind
            self.id = id
        }

        /// Compares byte for byte, as Redis compares keys: String's == considers a composed and a decomposed é equal.
        public static func == (lhs: Part, rhs: Part) -> Bool {
            lhs.kind == rhs.kind && lhs.id.utf8.elementsEqual(rhs.id.utf8)
        }

        /// Hashes the bytes that == compares.
        public func hash(into hasher: inout Hasher) {
            hasher.combine(kind)
            for byte in id.utf8 { hasher.combine(byte) }
        }
    }

    /// The parts in canonical order (`ScopeKind.precedes`); none for `global`.
    public let parts: [Part]

    /// The scope of all requests.
    public static let global = Scope(canonicalParts: [])

    private init(canonicalParts: [Part]) {
        self.parts = canonicalParts
    }

    /// Creates a scope from parts in any order. Throws for an invalid kind or id, and for a duplicate kind.
    public init(parts: [Part]) throws(ScopeError) {
        for part in parts {
            try ScopeKind.validate(part.kind)
            try ScopeID.validate(part.id, kind: part.kind)
        }
        let sorted = parts.sorted { ScopeKind.precedes($0.kind, $1.kind) }
        for (part, next) in zip(sorted, sorted.dropFirst()) where part.kind == next.kind {
            throw ScopeError("\(part.kind): duplicate kind")
        }
        self.parts = sorted
    }

    /// Parses the text of `description`, with the parts in any order, or `kind=id`.
    public init(parsing text: some StringProtocol) throws(ScopeError) {
        if text == "global" {
            self = .global
            return
        }
        try self.init(parts: try Self.parts(of: text))
    }

    /// Splits the text of a scope into its parts, in the order of the text. They are not checked.
    ///
    /// - `kind:id`: a single `+` joins parts, and `++` is a plus sign of an id. `=` is accepted after the kind of a
    ///   further part.
    /// - `kind=id`: the rest of the text is the id. Text such as `user=alice+tool=search` is an error, as its author may have
    ///   meant a joined scope.
    package static func parts(of text: some StringProtocol) throws(ScopeError) -> [Part] {
        guard let first = split(text), !first.part.kind.unicodeScalars.contains("+") else {
            throw ScopeError("\(text): expected kind:id or kind=id, such as user:alice")
        }
        if first.sign == "=" {
            if let joined = joinedReading(of: first.part) {
                throw ScopeError(
                    "\(text): write \(joined) for the joined scope, or \(Self.text(of: first.part)) for the id")
            }
            return [first.part]
        }
        return try pieces(of: text).enumerated().map { (index, piece) throws(ScopeError) in
            guard let (part, _) = split(piece), index == 0 || ScopeKind.isWellFormed(part.kind.utf8) else {
                throw ScopeError("\(first.part.kind): \(plusRule) \(first.part.kind)=\(first.part.id)")
            }
            return part
        }
    }

    /// Returns the joined scope that the author of `user=alice+tool=search` may have meant; nil for other ids.
    private static func joinedReading(of part: Part) -> Scope? {
        let pieces = pieces(of: part.id)
        guard pieces.count > 1 else { return nil }
        let further = pieces.dropFirst().compactMap { split($0)?.part }
        guard further.count == pieces.count - 1 else { return nil }
        return try? Scope(parts: [Part(kind: part.kind, id: pieces[0])] + further)
    }

    /// The start of the sentence about a plus sign after which no `kind:id` follows. The `kind=id` that would be right
    /// comes after it.
    package static let plusRule = "a single + joins scopes; within an id write ++, or"

    /// Splits `kind:id` or `kind=id` at the first sign; nil without a sign.
    private static func split(_ text: some StringProtocol) -> (part: Part, sign: Unicode.Scalar)? {
        // By scalar: a colon and a combining mark after it form one Character.
        let scalars = text.unicodeScalars
        guard let sign = scalars.firstIndex(where: { $0 == ":" || $0 == "=" }) else { return nil }
        let id = String(String.UnicodeScalarView(scalars[scalars.index(after: sign)...]))
        return (Part(kind: String(String.UnicodeScalarView(scalars[..<sign])), id: id), scalars[sign])
    }

    /// Splits text at single plus signs, and replaces double ones by single ones.
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

    /// The kind: `user`, `user+tool` or `global`.
    package var kind: ScopeKind { ScopeKind(canonicalNames: parts.map(\.kind)) }

    /// The scope with the ids of some kinds in lower case (A–Z only).
    package func foldingCase(of kinds: Set<String>) -> Scope {
        guard parts.contains(where: { kinds.contains($0.kind) }) else { return self }
        return Scope(
            canonicalParts: parts.map { part in
                kinds.contains(part.kind) ? Part(kind: part.kind, id: Self.lowercased(part.id)) : part
            })
    }

    private static func lowercased(_ id: String) -> String {
        String(decoding: id.utf8.map { ScopeID.lowercased($0) }, as: UTF8.self)
    }
}

extension Scope: CustomStringConvertible {
    /// The text of the scope, such as `user:alice+tool:search`, with plus signs within ids doubled.
    public var description: String {
        guard !parts.isEmpty else { return "global" }
        return parts.map(Self.text).joined(separator: "+")
    }

    /// The text of one part, such as `user:alice`, with plus signs within the id doubled.
    package static func text(of part: Part) -> String {
        let id = part.id.unicodeScalars.reduce(into: "") { text, scalar in
            text.unicodeScalars.append(scalar)
            if scalar == "+" { text.unicodeScalars.append("+") }
        }
        return "\(part.kind):\(id)"
    }
}

/// The error of an invalid scope, kind or id.
public struct ScopeError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The sentence that says what is wrong.
    public let description: String

    /// Creates an error from its sentence.
    package init(_ description: String) {
        self.description = description
    }
}
