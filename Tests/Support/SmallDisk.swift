import Foundation

#if canImport(Glibc)
import Glibc
#endif

/// A disk of 1 MiB that can be filled, kept in memory; gone with this object. Only root can make one.
package final class SmallDisk: Sendable {
    /// Where it is mounted.
    package let path: String
    private let folder: TemporaryFolder

    /// Makes and mounts it. Throws what the system says against it.
    package init() throws {
        folder = try TemporaryFolder()
        path = folder.path + "/disk"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        #if canImport(Glibc)
        guard mount("tmpfs", path, "tmpfs", 0, "size=1m") == 0 else {
            throw TestFailure("mount: \(String(cString: strerror(errno)))")
        }
        #else
        throw TestFailure("a small disk is made on Linux only")
        #endif
    }

    deinit {
        #if canImport(Glibc)
        umount2(path, Int32(MNT_DETACH))
        #endif
    }

    /// Whether this process may make one: root may, where the system lets it mount.
    package static var isPossible: Bool { (try? SmallDisk()) != nil }

    /// Takes room away, in a file of that name.
    package func fill(_ name: String, bytes: Int) throws {
        try Data(count: bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    }

    /// Gives that room back.
    package func remove(_ name: String) throws {
        try FileManager.default.removeItem(atPath: "\(path)/\(name)")
    }
}
