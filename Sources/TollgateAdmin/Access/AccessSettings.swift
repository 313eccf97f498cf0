package import TollgatePolicy
package import TollgateServer

/// The tokens and rules that grant access to the admin API.
package struct AccessSettings: Sendable {
    /// A static token.
    package struct Token: Sendable {
        /// The name of its bearer in the log and the audit log.
        package var name: String
        package var role: Role
        /// The secret, of at least `minLength` bytes.
        package var token: String

        package init(name: String, role: Role, token: String) {
            self.name = name
            self.role = role
            self.token = token
        }

        /// The minimum length of a token in bytes.
        package static let minLength = 16
        /// The maximum length of a token in bytes, also of a JWT.
        package static let maxLength = 8_192
    }

    package var tokens: [Token]
    package var jwt: TokenVerifier?
    /// Warnings for the log.
    package var warnings: [String] = []

    package init(tokens: [Token] = [], jwt: TokenVerifier? = nil) {
        self.tokens = tokens
        self.jwt = jwt
    }

    /// Throws an error for an address beyond loopback, which requires an access file.
    package static func validate(
        address: ListenAddress, _ option: AdminSettings.Option
    ) throws(OperatorError) {
        guard address.isLocal else {
            throw OperatorError(
                "\(option.rawValue) \(address): an address beyond loopback requires --admin-access with a file of tokens"
            )
        }
    }
}
