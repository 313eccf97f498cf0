import Foundation
public import TollgateCore

/// A policy file on disk: reads it, and notices when it has become another one, also through a rename or a switched symlink.
public struct PolicyFile: Sendable {
    /// Where it is; symbolic links are followed each time it is read.
    public let path: String
    /// What the file was when this value was made, before anything of it was read.
    let firstStamp: Stamp?

    /// What tells one state of the file from another without reading it.
    struct Stamp: Equatable, Sendable {
        var device: UInt64
        var inode: UInt64
        var size: Int64
        var modified: Int64
    }

    /// Reads nothing yet, but takes note of what the file is now.
    public init(path: String) {
        self.path = path
        firstStamp = Self.stamp(of: path)
    }

    /// Throws `ServerError` when the file cannot be read, `PolicyError` when what it says cannot be.
    public func load() throws -> Policy {
        let text: String
        do throws(TextFile.Fault) {
            text = try TextFile(path: path).text()
        } catch {
            throw ServerError("\(path): \(error.sentence)")
        }
        return try Policy(yaml: text, file: path)
    }

    /// Nil while there is no file. Follows symbolic links.
    var stamp: Stamp? { Self.stamp(of: path) }

    private static func stamp(of path: String) -> Stamp? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        let modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        return Stamp(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino), size: Int64(status.st_size), modified: modified
        )
    }
}
