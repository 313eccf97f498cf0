import TollgateAdmin

/// A visit of a browser, as its signed cookie states it.
struct Session: Codable, Equatable {
    /// The user of a session.
    struct User: Codable, Equatable {
        /// The name of the token that signed in.
        var name: String
        /// The role, as `Role` spells it.
        var role: String
        /// The grant of the token. The session ends with it.
        var grant: Grant?
    }

    /// A random text, from which the CSRF token of the session is derived.
    var id: String
    /// The user. Nil before signing in.
    var user: User?
    /// The end of the session, Unix seconds.
    var expiresAt: Int64

    /// The time after which a user has to sign in again, in seconds: 12 hours.
    static let lifetime: Int64 = 12 * 3_600

    /// Creates a session without a user, for the form that signs in.
    static func visitor(at now: Int64) -> Session {
        Session(id: RandomToken.hexadecimal(), user: nil, expiresAt: now + lifetime)
    }

    /// Creates the session of a user. It ends no later than the token that signed in.
    static func signedIn(_ identity: Identity, at now: Int64) -> Session {
        Session(
            id: RandomToken.hexadecimal(),
            user: User(name: identity.name, role: identity.role.rawValue, grant: identity.grant),
            expiresAt: min(now + lifetime, identity.expiresAt ?? .max))
    }

    /// The identity of the user. Nil before signing in.
    var identity: Identity? {
        guard let user, let role = Role(rawValue: user.role) else { return nil }
        return Identity(name: user.name, role: role, expiresAt: expiresAt, grant: user.grant)
    }
}
