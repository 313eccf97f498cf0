import Foundation
import TollgatePolicy
import TollgateServer

/// Finds the token that commands send to the admin API.
enum AdminClientToken {
    /// Returns the token. Throws an error if there is none, or if it cannot be sent.
    static func find(file: String?, environment: [String: String]) throws -> String {
        let token: String
        // The file of a token that a sidecar generated, if it runs in this folder or with these variables.
        let defaultFile = (environment["TOLLGATE_DATA"] ?? "tollgate-data") + "/admin-token"
        if let file {
            token = try TokenFile.read(file, namedBy: "--admin-token-file")
        } else if let file = environment["TOLLGATE_ADMIN_TOKEN_FILE"] {
            token = try TokenFile.read(file, namedBy: "TOLLGATE_ADMIN_TOKEN_FILE")
        } else if let text = environment["TOLLGATE_ADMIN_TOKEN"], !text.isEmpty {
            token = text
        } else if FileManager.default.fileExists(atPath: defaultFile) {
            token = try TokenFile.read(defaultFile, namedBy: "token file")
        } else {
            throw OperatorError(
                """
                no token: set --admin-token-file, TOLLGATE_ADMIN_TOKEN_FILE or TOLLGATE_ADMIN_TOKEN. \
                A sidecar without --admin-access stores one in the file admin-token of its data folder.
                """)
        }
        guard token.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw OperatorError("the token for the admin API has characters that no token has")
        }
        return token
    }
}
