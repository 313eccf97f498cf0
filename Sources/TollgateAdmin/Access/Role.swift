/// The permissions of a token's bearer.
package enum Role: String, Sendable, CaseIterable {
    /// Reads metrics.
    case metrics
    /// Requests decisions, reports usage, and reads the usage of scopes.
    case caller
    /// Reads everything.
    case viewer
    /// Reads and changes everything.
    case admin

    /// Returns whether the role has a permission.
    package func allows(_ permission: Route.Permission) -> Bool {
        switch (self, permission) {
        case (_, .open), (.admin, _), (.viewer, .read), (.viewer, .usage), (.viewer, .metrics), (.caller, .call),
            (.caller, .usage), (.metrics, .metrics):
            true
        case (.viewer, .call), (.viewer, .administer), (.caller, .read), (.caller, .administer), (.caller, .metrics),
            (.metrics, _):
            false
        }
    }
}

/// An authenticated sender of requests.
package struct Identity: Sendable, Equatable {
    /// The name of the token, or `jwt:` and the subject of a JWT, without white space.
    package var name: String
    package var role: Role
    /// The end of a JWT's validity, Unix seconds. Nil for a token without one.
    package var expiresAt: Int64?
    /// The grant of the token, or of the key that signed the JWT. Nil for an identity that no access has given.
    package var grant: Grant?

    package init(name: String, role: Role, expiresAt: Int64? = nil, grant: Grant? = nil) {
        self.name = name
        self.role = role
        self.expiresAt = expiresAt
        self.grant = grant
    }

    /// The maximum length of a name in bytes.
    static let maxNameLength = 128
    /// The prefix of names that come from JWTs. Names of tokens cannot have it.
    static let subjectPrefix = "jwt:"

    /// Returns the name for a JWT's subject, or nil if it is too long.
    static func name(ofSubject subject: String) -> String? {
        let name = subjectPrefix + LogText.encoded(subject, withPercent: true)
        return name.utf8.count <= maxNameLength ? name : nil
    }
}
