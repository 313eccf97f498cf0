import Foundation
import TollgateCore
package import TollgatePolicy

/// A policy file on disk. Detects changes of the file, also through a rename or a switched symlink.
package struct PolicyFile: Sendable {
    /// The path. Symbolic links are followed at each read.
    package let path: String
    /// The stamp of the file when this value was created, before it was read.
    let firstStamp: Stamp?

    /// The attributes that distinguish two states of the file without reading it.
    struct Stamp: Equatable, Sendable {
        var device: UInt64
        var inode: UInt64
        var size: Int64
        /// The modification time (mtime) and the status-change time (ctime), Unix ns. A chmod, which can make the file
        /// readable, changes only the latter.
        var modified: Int64
        var changed: Int64
    }

    /// Records the stamp of the file, without reading its content.
    package init(path: String) {
        self.path = path
        firstStamp = Self.stamp(of: path)
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
    var stamp: Stamp? { Self.stamp(of: path) }

    private static func stamp(of path: String) -> Stamp? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Stamp(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino), size: Int64(status.st_size),
            modified: nanoseconds(status.st_mtim), changed: nanoseconds(status.st_ctim))
    }

    private static func nanoseconds(_ time: timespec) -> Int64 {
        Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
