import Foundation
import TollgateServer

/// A file that holds a token and nothing else.
enum TokenFile {
    /// Without white space around it. Throws a sentence that names the option, or what else named the file.
    static func read(_ path: String, namedBy option: String = "--token-file") throws -> String {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw ServerError("\(option) \(path): cannot be read")
        }
        let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !token.isEmpty else { throw ServerError("\(option) \(path): is empty") }
        return token
    }
}
