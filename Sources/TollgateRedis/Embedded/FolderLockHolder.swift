import Foundation

/// The holder of a data folder's lock, read without taking the lock.
package struct FolderLockHolder: Sendable, Equatable {
    /// The process id in the file `lock`: that of the holder, or of the last one.
    package var process: Int32?
    /// Whether a process holds the lock, as far as the system shows it: not if that process is in another container.
    package var isHeld: Bool

    package init(process: Int32?, isHeld: Bool) {
        self.process = process
        self.isHeld = isHeld
    }

    /// Reads the lock of a folder. Returns nil if the folder has never been locked.
    package init?(folder: String) {
        let path = folder + "/lock"
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        process = Int32(text.trimmingCharacters(in: .whitespacesAndNewlines))
        let locks = FileManager.default.contents(atPath: "/proc/locks").map { String(decoding: $0, as: UTF8.self) }
        isHeld = Self.isHeld(status, process, locks: locks ?? "")
    }

    /// Whether the system's list contains a lock of the file: `1: FLOCK ADVISORY WRITE 4711 fe:01:393293 0 EOF`.
    private static func isHeld(_ file: stat, _ process: Int32?, locks: String) -> Bool {
        locks.split(separator: "\n").contains { line in
            let words = line.split(separator: " ")
            guard words.count >= 6, words[1] == "FLOCK" else { return false }
            let identity = words[5].split(separator: ":")
            guard identity.count == 3, UInt64(identity[2]) == UInt64(file.st_ino) else { return false }
            // Some file systems report another device in `stat`.
            return isDevice(identity, of: UInt64(file.st_dev)) || process.map { words[4] == "\($0)" } ?? false
        }
    }

    private static func isDevice(_ identity: [Substring], of device: UInt64) -> Bool {
        let major = (device >> 8) & 0xfff | (device >> 32) & ~0xfff
        let minor = device & 0xff | (device >> 12) & ~0xff
        return UInt64(identity[0], radix: 16) == major && UInt64(identity[1], radix: 16) == minor
    }
}
