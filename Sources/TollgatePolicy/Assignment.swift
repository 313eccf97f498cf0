package import TollgateCore

/// Gives a tier to a user, a role, an e-mail domain, or everyone. A value that nobody owns.
package struct Assignment: Sendable, Hashable {
    /// Whom it is about.
    package enum Subject: Sendable, Hashable {
        /// The scope `user:ID`.
        case user(Scope)
        /// A role as requests name it, byte for byte.
        case role(String)
        /// A domain in lower case; a domain below it is another one.
        case emailDomain(String)
        case everyone
    }

    /// Whom it is about.
    package let subject: Subject
    /// The id of the tier.
    package var tier: String
    /// The higher one wins: -1 000 000 … 1 000 000.
    package var priority: Int
    /// One that is not enabled is as good as not there.
    package var isEnabled: Bool
    /// Of two with the same priority and kind of subject the lower one wins: the place in the policy file, or the number of the
    /// change that made it.
    package var order: Int64
    /// Who has set it.
    package var origin: Origin

    /// Where `priority` is nil, that of its kind: 300, 200, 150, 100.
    package init(
        _ subject: Subject, tier: String, priority: Int? = nil, isEnabled: Bool = true, order: Int64 = 0,
        origin: Origin = .file
    ) {
        self.subject = subject
        self.tier = tier
        self.priority = priority ?? subject.usualPriority
        self.isEnabled = isEnabled
        self.order = order
        self.origin = origin
    }

    /// The range of `priority`.
    static let priorities: ClosedRange<Int64> = -1_000_000...1_000_000

    /// Whether it comes first. A total order over assignments of different subjects, whatever order they were read in.
    func precedes(_ other: Assignment) -> Bool {
        if priority != other.priority { return priority > other.priority }
        if subject.rank != other.subject.rank { return subject.rank < other.subject.rank }
        if order != other.order { return order < other.order }
        return subject.id.utf8.lexicographicallyPrecedes(other.subject.id.utf8)
    }
}

extension Assignment.Subject {
    /// Byte for byte, as scopes are: String's own == takes a composed and a decomposed é for the same. Names that are equal here
    /// are so there, so the hash may be that of the strings.
    package static func == (lhs: Self, rhs: Self) -> Bool {
        switch (lhs, rhs) {
        case (.user(let left), .user(let right)): left == right
        case (.role(let left), .role(let right)), (.emailDomain(let left), .emailDomain(let right)):
            left.utf8.elementsEqual(right.utf8)
        case (.everyone, .everyone): true
        default: false
        }
    }

    /// The word for the kind of subject in the policy file and the API.
    package var kind: String {
        switch self {
        case .user: "user"
        case .role: "role"
        case .emailDomain: "email_domain"
        case .everyone: "default"
        }
    }

    /// `alice`, `Faculty`, `example.com`; nil for everyone.
    package var name: String? {
        switch self {
        case .user(let scope): scope.parts.first?.id
        case .role(let name), .emailDomain(let name): name
        case .everyone: nil
        }
    }

    /// `user:alice`, `role:Faculty`, `email_domain:example.com` or `default`: what an assignment is known by, as there is one a
    /// subject.
    package var id: String {
        // As everywhere: a plus sign within the id of a scope is written twice.
        if case .user(let scope) = self { return scope.description }
        return name.map { "\(kind):\($0)" } ?? kind
    }

    /// Reads what `id` prints. Throws a sentence.
    package init(id: String) throws(ScopeError) {
        if id == "default" {
            self = .everyone
            return
        }
        let scalars = id.unicodeScalars
        guard let colon = scalars.firstIndex(of: ":") else {
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

    /// Throws a sentence on an unknown kind, or a name that cannot be one.
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

    fileprivate var usualPriority: Int {
        switch self {
        case .user: 300
        case .role: 200
        case .emailDomain: 150
        case .everyone: 100
        }
    }

    /// Users before roles before domains before everyone.
    fileprivate var rank: Int {
        switch self {
        case .user: 0
        case .role: 1
        case .emailDomain: 2
        case .everyone: 3
        }
    }
}
