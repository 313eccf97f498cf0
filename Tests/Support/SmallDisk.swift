import Foundation

#if canImport(Glibc)
import Glibc
#endif

/// A disk of 1 MiB in memory, unmounted when this object is released. Only root can create one.
package final class SmallDisk: Sendable {
    /// The mount point.
    package let path: String
    private let folder: TemporaryFolder

    /// Creates and mounts the disk. Throws the error of the system.
    package init() throws {
        folder = try TemporaryFolder()
        path = folder.path + "/disk"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        #if canImport(Glibc)
        guard mount("tmpfs", path, "tmpfs", 0, "size=1m") == 0 else {
            throw TestFailure("mount: \(String(cString: strerror(errno)))")
        }
        #else
        throw TestFailure("a small disk can be created on Linux only")
        #endif
    }

    deinit {
        #if canImport(Glibc)
        umount2(path, Int32(MNT_DETACH))
        #endif
    }

    /// Whether this process may create a disk.
    package static var isPossible: Bool { (try? SmallDisk()) != nil }

    /// Uses space by a file of this name.
    package func fill(_ name: String, bytes: Int) throws {
        try Data(count: bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    }

    /// Frees the space of a file.
    package func remove(_ name: String) throws {
        try FileManager.default.removeItem(atPath: "\(path)/\(name)")
    }
}
