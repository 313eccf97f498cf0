import Foundation

/// A folder that one process at a time may use: held through a lock on its file `lock`, which the system lets go when
/// the process ends, however it ends. The file holds the process's number for whoever comes second.
struct FolderLock: ~Copyable {
    private let descriptor: CInt

    /// Throws ``RedisError/embedded(_:)`` when another holds the folder, or when the file cannot be written.
    init(folder: String) throws(RedisError) {
        let path = folder + "/lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw .embedded("--data \(folder): its file lock cannot be opened: \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            // `deinit` closes: it runs after an error too. To unlock a lock that another has does nothing.
            let owner = Self.text(of: descriptor)
            throw .embedded(
                "--data \(folder): the data folder is in use by another tollgate"
                    + (owner.isEmpty ? "" : " (pid \(owner))"))
        }
        write()
    }

    deinit {
        // A child process that is being started may hold a copy of the descriptor until its exec: closing ours alone would
        // keep the lock that long.
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
