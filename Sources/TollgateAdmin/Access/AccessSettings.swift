package import TollgateServer

/// Who is let in to the admin API.
package struct AccessSettings: Sendable {
    /// A text that lets its bearer in.
    package struct Token: Sendable {
        /// As the log and the audit log have its bearer.
        package var name: String
        package var role: Role
        /// The secret itself; at least `shortest` bytes.
        package var token: String

        package init(name: String, role: Role, token: String) {
            self.name = name
            self.role = role
            self.token = token
        }

        /// The fewest bytes of a token.
        package static let shortest = 16
        /// The most bytes of a token, also of a JWT.
        package static let longest = 8_192
    }

    package var tokens: [Token]
    package var jwt: TokenVerifier?
    /// Sentences for the log.
    package var warnings: [String] = []

    package init(tokens: [Token] = [], jwt: TokenVerifier? = nil) {
        self.tokens = tokens
        self.jwt = jwt
    }

    /// Throws where an address beyond loopback is to be served without a file that says who is let in.
    package static func validate(address: ListenAddress) throws(AdminError) {
        guard address.isLocal else {
            throw AdminError(
                "--admin \(address): beyond loopback, say who is let in: name a file of tokens with --admin-access")
        }
    }
}
