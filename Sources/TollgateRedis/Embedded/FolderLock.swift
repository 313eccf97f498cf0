import Foundation

/// An exclusive lock of a folder, held through `flock` on its file `lock`.
///
/// The system releases the lock when the process ends, even after a crash. The file contains the process's ID for the error
/// message of a second process.
struct FolderLock: ~Copyable {
    private let descriptor: CInt

    /// Locks the folder. Throws ``RedisError/embedded(_:)`` when another process holds the lock, or when the file cannot be
    /// opened.
    init(folder: String) throws(RedisError) {
        let path = folder + "/lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw .embedded(
                "--data \(folder): cannot write to the folder (its file lock): \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            // `deinit` runs after an error too and closes the file. Unlocking a lock of another process has no effect.
            let owner = Self.text(of: descriptor)
            throw .embedded(
                "--data \(folder): the data folder is in use by another tollgate"
                    + (owner.isEmpty ? "" : " (pid \(owner))"))
        }
        write()
    }

    deinit {
        // A child process may hold a copy of the descriptor until its exec. Closing this one alone would keep the lock until
        // then, so unlock explicitly.
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    private func write() {
        ftruncate(descriptor, 0)
        let text = Array("\(getpid())\n".utf8)
        _ = pwrite(descriptor, text, text.count, 0)
    }

    private static func text(of descriptor: CInt) -> String {
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        return String(decoding: bytes.prefix(max(count, 0)).prefix { (0x30...0x39).contains($0) }, as: UTF8.self)
    }
}
