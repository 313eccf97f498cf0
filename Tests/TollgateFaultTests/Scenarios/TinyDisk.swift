import Foundation
import TollgateTestSupport

/// A file system of a megabyte in memory, which only root can mount; gone with this object.
final class TinyDisk: Sendable {
    /// Where it is mounted.
    let path: String
    private let folder: TemporaryFolder

    static var canBeMounted: Bool { getuid() == 0 }

    init() async throws {
        folder = try TemporaryFolder()
        path = folder.path + "/disk"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let mount = try await Command.run("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", path])
        guard mount.status == 0 else { throw TestFailure("mount: \(mount.errors)") }
    }

    deinit {
        // At once, or when the last file is closed. The folder goes after this.
        umount2(path, Int32(MNT_DETACH))
    }
}
