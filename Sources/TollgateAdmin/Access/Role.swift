/// What the bearer of a token may do.
package enum Role: String, Sendable, CaseIterable {
    /// Ask for decisions and report usage.
    case caller
    /// Read everything.
    case viewer
    /// Everything.
    case admin

    /// Whether a route is open to it.
    func may(_ permission: Route.Permission) -> Bool {
        switch (self, permission) {
        case (_, .open), (.admin, _), (.viewer, .read), (.caller, .call): true
        case (.viewer, .call), (.viewer, .administer), (.caller, .read), (.caller, .administer): false
        }
    }
}

/// Who has sent a request.
package struct Identity: Sendable, Equatable {
    /// Of the token, or `jwt:` and the subject of a JWT. In one word.
    package var name: String
    package var role: Role

    /// The most bytes of a name.
    static let maxNameLength = 128
    /// What the names of JWTs' bearers begin with, and no others.
    static let subjectPrefix = "jwt:"

    /// Nil where it would be too long.
    static func name(ofSubject subject: String) -> String? {
        let name = subjectPrefix + LogText.encoded(subject, withPercent: true)
        return name.utf8.count <= maxNameLength ? name : nil
    }
}
