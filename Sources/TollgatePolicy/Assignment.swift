package import TollgateCore

/// An assignment of a tier to a user, a role, an email domain, or everyone.
package struct Assignment: Sendable, Hashable {
    /// The users who get the tier.
    package enum Subject: Sendable, Hashable {
        /// The user of the scope `user:ID`.
        case user(Scope)
        /// The users with a role. Requests name it byte for byte.
        case role(String)
        /// The users with an email address in a domain, in lower case. A subdomain is another domain.
        case emailDomain(String)
        case everyone
    }

    /// The users who get the tier.
    package let subject: Subject
    /// The id of the tier.
    package var tier: String
    /// The priority, -1 000 000 … 1 000 000. The assignment with the highest one wins.
    package var priority: Int
    /// Whether the assignment has an effect.
    package var isEnabled: Bool
    /// The index in the policy file, or the number of the change that created it. Of two assignments with the same
    /// priority and kind of subject, the lower one wins.
    package var order: Int64
    /// The origin of the assignment.
    package var origin: Origin

    /// Creates an assignment. Without a `priority` it has the default of its kind of subject: 300, 200, 150 or 100.
    package init(
        _ subject: Subject, tier: String, priority: Int? = nil, isEnabled: Bool = true, order: Int64 = 0,
        origin: Origin = .file
    ) {
        self.subject = subject
        self.tier = tier
        self.priority = priority ?? subject.defaultPriority
        self.isEnabled = isEnabled
        self.order = order
        self.origin = origin
    }

    /// The range of `priority`.
    static let priorities: ClosedRange<Int64> = -1_000_000...1_000_000

    /// Whether this assignment wins over another one. A total order over assignments of different subjects.
    func precedes(_ other: Assignment) -> Bool {
        if priority != other.priority { return priority > other.priority }
        if subject.rank != other.subject.rank { return subject.rank < other.subject.rank }
        if order != other.order { return order < other.order }
        return subject.id.utf8.lexicographicallyPrecedes(other.subject.id.utf8)
    }
}

extension Assignment.Subject {
    /// Compares names byte for byte, as scopes are compared: String's == considers a composed and a decomposed é equal.
    ///
    /// The synthesized hash is consistent with it, as equal bytes are equal strings.
    package static func == (lhs: Self, rhs: Self) -> Bool {
        switch (lhs, rhs) {
        case (.user(let left), .user(let right)): left == right
        case (.role(let left), .role(let right)), (.emailDomain(let left), .emailDomain(let right)):
            left.utf8.elementsEqual(right.utf8)
        case (.everyone, .everyone): true
        default: false
        }
    }

    /// The kind of subject, as in the policy file and the API.
    package var kind: String {
        switch self {
        case .user: "user"
        case .role: "role"
        case .emailDomain: "email_domain"
        case .everyone: "default"
        }
    }

    /// The name within the kind: `alice`, `Faculty`, `example.com`; nil for everyone.
    package var name: String? {
        switch self {
        case .user(let scope): scope.parts.first?.id
        case .role(let name), .emailDomain(let name): name
        case .everyone: nil
        }
    }

    /// The id of the subject, and of its only assignment: `user:alice`, `role:Faculty`, `email_domain:example.com` or
    /// `default`.
    package var id: String {
        // The text of a scope doubles a plus sign within an id.
        if case .user(let scope) = self { return scope.description }
        return name.map { "\(kind):\($0)" } ?? kind
    }

    /// The subject with a user's id in lower case, if users are among the kinds.
    package func foldingCase(of kinds: Set<String>) -> Self {
        if case .user(let scope) = self { .user(scope.foldingCase(of: kinds)) } else { self }
    }

    /// Parses an ``id``. `=` is accepted in place of `:`. Throws a sentence.
    package init(id: String) throws(ScopeError) {
        if id == "default" {
            self = .everyone
            return
        }
        let scalars = id.unicodeScalars
        guard let colon = scalars.firstIndex(where: { $0 == ":" || $0 == "=" }) else {
            throw ScopeError("expected user:ID, role:NAME, email_domain:DOMAIN or default")
        }
        guard String(scalars[..<colon]) != "user" else {
            let scope = try Scope(parsing: id)
            guard !scope.kind.isComposite else { throw ScopeError("expected user:ID, not a joined scope") }
            self = .user(scope)
            return
        }
        try self.init(kind: String(scalars[..<colon]), name: String(scalars[scalars.index(after: colon)...]))
    }

    /// Creates a subject of a kind. Throws a sentence for an unknown kind and an invalid name.
    package init(kind: String, name: String) throws(ScopeError) {
        switch kind {
        case "user": self = .user(try Scope(parts: [.init(kind: "user", id: name)]))
        case "role":
            try ScopeID.validate(name, kind: "role")
            guard !name.utf8.contains(UInt8(ascii: ",")) else { throw ScopeError("role: a comma in the name") }
            self = .role(name)
        case "email_domain":
            try ScopeID.validate(name, kind: "email_domain")
            guard !name.unicodeScalars.contains(where: { $0 == "@" || $0 == " " }) else {
                throw ScopeError("email_domain: expected a domain such as example.com")
            }
            self = .emailDomain(name.lowercased())
        default: throw ScopeError("expected user:ID, role:NAME, email_domain:DOMAIN or default")
        }
    }

    fileprivate var defaultPriority: Int {
        switch self {
        case .user: 300
        case .role: 200
        case .emailDomain: 150
        case .everyone: 100
        }
    }

    /// The order of kinds of equal priority: users, roles, domains, everyone.
    fileprivate var rank: Int {
        switch self {
        case .user: 0
        case .role: 1
        case .emailDomain: 2
        case .everyone: 3
        }
    }
}
