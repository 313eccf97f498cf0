import Foundation
import TollgateCore
package import TollgatePolicy

/// A policy file on disk. Detects changes of the file, also through a rename or a switched symlink.
package struct PolicyFile: Sendable {
    /// The path. Symbolic links are followed at each read.
    package let path: String
    /// The stamp of the file when this value was created, before it was read.
    let firstStamp: FileStamp?

    /// Records the stamp of the file, without reading its content.
    package init(path: String) {
        self.path = path
        firstStamp = FileStamp(path: path)
    }

    /// Reads the policy.
    ///
    /// - Throws: An `OperatorError` if the file cannot be read; a `PolicyError` if it is invalid, or has no limits
    ///   without saying so.
    package func load() throws -> Policy { try Policy(wholeFile: text(), file: path) }

    /// Reads the text. Throws an `OperatorError` if the file cannot be read.
    package func text() throws(OperatorError) -> String {
        do throws(TextFile.Fault) {
            return try TextFile(path: path).text()
        } catch {
            throw OperatorError("\(path): \(error.sentence)")
        }
    }

    /// Whether there is a file, readable or not.
    package var exists: Bool { stamp != nil }

    /// The current stamp; nil if there is no file. Follows symbolic links.
    var stamp: FileStamp? { FileStamp(path: path) }
}
