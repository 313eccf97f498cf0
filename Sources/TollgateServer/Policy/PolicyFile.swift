import Foundation
import TollgateCore
package import TollgatePolicy

/// A policy file on disk: reads it, and notices when it has become another one, also through a rename or a switched symlink.
package struct PolicyFile: Sendable {
    /// Where it is; symbolic links are followed each time it is read.
    package let path: String
    /// What the file was when this value was made, before anything of it was read.
    let firstStamp: Stamp?

    /// What tells one state of the file from another without reading it.
    struct Stamp: Equatable, Sendable {
        var device: UInt64
        var inode: UInt64
        var size: Int64
        /// When its content, and when anything of it last changed: a file can become readable without any other content.
        var modified: Int64
        var changed: Int64
    }

    /// Reads nothing yet, but takes note of what the file is now.
    package init(path: String) {
        self.path = path
        firstStamp = Self.stamp(of: path)
    }

    /// Throws `OperatorError` when the file cannot be read, `PolicyError` when what it says cannot be, or it sets no limits without
    /// saying so.
    package func load() throws -> Policy {
        let text: String
        do throws(TextFile.Fault) {
            text = try TextFile(path: path).text()
        } catch {
            throw OperatorError("\(path): \(error.sentence)")
        }
        return try Policy(wholeFile: text, file: path)
    }

    /// Nil while there is no file. Follows symbolic links.
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
