import Foundation
import TollgatePolicy
import TollgateRedis

/// What `tollgate doctor` finds of the data folder. Reading it neither creates nor locks anything.
struct FolderFindings: Equatable {
    enum Kind: Equatable {
        case folder
        case other
        /// There is none. The sidecar can create it in this folder, or cannot.
        case missing(parent: String, mayCreate: Bool)
    }

    var path: String
    var kind: Kind
    /// The permission bits, and the owner.
    var mode: mode_t = 0o700
    var owner: uid_t = 0
    /// Whether this process may write to the folder.
    var isWritable = true
    /// The free space for this user, in bytes; nil if the system does not say.
    var free: UInt64?
    /// The lock; nil if the folder was never locked.
    var holder: FolderLockHolder?

    init(path: String, kind: Kind) {
        self.path = path
        self.kind = kind
    }

    /// Reads the folder. Blocks.
    init(path: String) {
        let absolute = URL(fileURLWithPath: path, isDirectory: true).standardizedFileURL.path
        guard let status = FileStatus(path: absolute) else {
            let parent = Self.existingParent(of: absolute)
            self.init(path: path, kind: .missing(parent: parent, mayCreate: access(parent, W_OK | X_OK) == 0))
            free = Self.freeSpace(at: parent)
            return
        }
        self.init(path: path, kind: status.kind == .folder ? .folder : .other)
        (mode, owner) = (status.mode, status.owner)
        isWritable = access(absolute, W_OK | X_OK) == 0
        free = Self.freeSpace(at: absolute)
        holder = FolderLockHolder(folder: absolute)
    }

    /// Returns the nearest folder above that exists.
    private static func existingParent(of path: String) -> String {
        var parent = URL(fileURLWithPath: path).deletingLastPathComponent()
        while parent.path != "/", access(parent.path, F_OK) != 0 { parent.deleteLastPathComponent() }
        return parent.path
    }

    private static func freeSpace(at path: String) -> UInt64? {
        var system = statvfs()
        return statvfs(path, &system) == 0 ? UInt64(system.f_bavail) * UInt64(system.f_frsize) : nil
    }
}

/// The checks of the data folder. Pure.
enum FolderChecks {
    /// The free space below which there is a warning: a full journal takes 300 MB, and what is to be removed from it some
    /// more.
    private static let littleSpace: UInt64 = 512 << 20
    /// The free space below which little more than the journal's own files fits.
    private static let noSpace: UInt64 = 8 << 20
    private static let name = "data folder"

    /// All checks.
    ///
    /// - Parameter user: The user of this process.
    static func all(_ folder: FolderFindings, user: uid_t) -> [DoctorCheck] {
        switch folder.kind {
        case .other:
            return [DoctorCheck(name, .error, "\(folder.path) is not a folder", "name a folder in --data")]
        case .missing(let parent, false):
            return [
                DoctorCheck(
                    name, .error, "\(folder.path) does not exist, and cannot be created in \(parent)",
                    "create it for the user of the sidecar, with mode 700")
            ]
        case .missing(_, true):
            return [DoctorCheck(name, .ok, "\(folder.path) does not exist yet; the sidecar creates it")] + space(folder)
        case .folder: return rights(folder, user) + space(folder) + [lock(folder)]
        }
    }

    private static func rights(_ folder: FolderFindings, _ user: uid_t) -> [DoctorCheck] {
        guard folder.isWritable else {
            return [
                DoctorCheck(
                    name, .error, "this user cannot write to \(folder.path)", "give it to the user of the sidecar")
            ]
        }
        var checks: [DoctorCheck] = []
        if folder.owner != user {
            checks.append(
                DoctorCheck(
                    name, .warning, "\(folder.path) belongs to user \(folder.owner), but doctor runs as user \(user)",
                    "run doctor as the user of the sidecar, or its rights are not checked"))
        }
        if folder.mode & 0o077 != 0 {
            checks.append(
                DoctorCheck(
                    name, .warning,
                    "\(folder.path) has mode \(String(folder.mode, radix: 8)): others can see its files",
                    "chmod 700 \(folder.path)"))
        }
        return checks.isEmpty ? [DoctorCheck(name, .ok, "\(folder.path) is writable, and private")] : checks
    }

    private static func space(_ folder: FolderFindings) -> [DoctorCheck] {
        guard let free = folder.free else { return [] }
        let sentence = "\(free >> 20) MiB free"
        guard free < littleSpace else { return [DoctorCheck("disk", .ok, sentence)] }
        return [
            DoctorCheck(
                "disk", free < noSpace ? .error : .warning,
                "\(sentence); a full journal takes 300 MB", "free space on the disk of \(folder.path)")
        ]
    }

    private static func lock(_ folder: FolderFindings) -> DoctorCheck {
        guard let holder = folder.holder, holder.isHeld else {
            return DoctorCheck("lock", .ok, "no sidecar uses \(folder.path)")
        }
        let process = holder.process.map { "process \($0)" } ?? "an unknown process"
        return DoctorCheck("lock", .ok, "the sidecar of \(process) uses \(folder.path)")
    }
}
