import Foundation

/// The kind, mode and owner of a file. A value.
package struct FileStatus: Sendable {
    package enum Kind: Sendable {
        case folder
        case socket
        case other
    }

    package var kind: Kind
    /// The permission bits.
    package var mode: UInt32
    package var owner: UInt32

    /// Reads the status; nil if there is no such file.
    package init?(path: String, followsLinks: Bool = true) {
        var status = stat()
        guard (followsLinks ? stat(path, &status) : lstat(path, &status)) == 0 else { return nil }
        switch status.st_mode & S_IFMT {
        case S_IFDIR: kind = .folder
        case S_IFSOCK: kind = .socket
        default: kind = .other
        }
        mode = UInt32(status.st_mode & 0o777)
        owner = UInt32(status.st_uid)
    }
}
