import Foundation

/// The files that a journal's name stands for at a moment: the database, and the log that SQLite keeps beside it.
struct JournalTrace: Equatable, Sendable {
    private struct File: Equatable, Sendable {
        var device: UInt64
        var inode: UInt64
        var size: Int64

        init?(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            (device, inode, size) = (UInt64(status.st_dev), UInt64(status.st_ino), Int64(status.st_size))
        }

        func isSame(as other: File) -> Bool { (device, inode) == (other.device, other.inode) }
    }

    enum Verdict {
        /// The files that are open.
        case same
        /// One of them has no name any more, or has been cut.
        case gone
        /// Another database has the name.
        case replaced
    }

    private let database: File?
    private let log: File?

    init(_ path: String) {
        database = File(path)
        log = File(path + "-wal")
    }

    /// Compares them with what is found later. SQLite makes the log when it is first needed, and never takes it away while a journal is open.
    func judge(_ found: JournalTrace) -> Verdict {
        guard let database, let current = found.database else { return .gone }
        guard current.isSame(as: database) else { return .replaced }
        guard current.size > 0 || database.size == 0 else { return .gone }
        guard let log else { return .same }
        guard let currentLog = found.log, currentLog.isSame(as: log) else { return .gone }
        return .same
    }
}
