import Foundation
import TollgateCore
import TollgatePolicy
import TollgateServer

/// A file that contains a token and nothing else.
enum TokenFile {
    /// Reads the token without surrounding white space. Throws an error that names the option, or whatever else named
    /// the file.
    static func read(_ path: String, namedBy option: String = "--token-file") throws -> String {
        let text = try TextFile(path: path).text(namedBy: option)
        let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !token.isEmpty else { throw OperatorError("\(option) \(path): is empty") }
        return token
    }
}
