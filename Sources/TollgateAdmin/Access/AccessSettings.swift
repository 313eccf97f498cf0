package import TollgatePolicy
package import TollgateServer

/// The tokens and rules that grant access to the admin API.
package struct AccessSettings: Sendable {
    /// A static token.
    package struct Token: Sendable, Hashable {
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
    /// The access file and then the files that it names, as they were read; empty for access without a file.
    package var files: [StampedFile] = []
    /// The paths of the files that contain secrets.
    package var secretFiles: [String] = []

    package init(tokens: [Token] = [], jwt: TokenVerifier? = nil) {
        self.tokens = tokens
        self.jwt = jwt
    }

    /// Warnings for the log about secrets that others can read.
    package var warnings: [String] {
        secretFiles.filter { TextFile(path: $0).isReadableByOthers }.map {
            "--admin-access \(files.first?.path ?? $0): \($0) is readable by others; run chmod 600 \($0)"
        }
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
