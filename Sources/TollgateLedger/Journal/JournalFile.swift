import Foundation
import GRDB
import TollgateCore

/// A journal's open file. Owned by the journal's queue.
struct JournalFile: Sendable {
    private(set) var database: DatabaseQueue
    private let path: String
    private let moneyUnit: MoneyUnit
    private var trace: JournalTrace

    /// The time that a transaction waits for another process to unlock the file, in seconds.
    static let lockTimeout: TimeInterval = 5

    /// Readable by its owner alone, since it contains the usage of users.
    private static let mode: mode_t = 0o600

    /// Opens the file, creates it if there is none, and migrates its tables.
    init(path: String, _ moneyUnit: MoneyUnit) throws(JournalError) {
        database = try Self.open(path, moneyUnit)
        self.path = path
        self.moneyUnit = moneyUnit
        trace = JournalTrace(path)
    }

    /// Opens the file. Opening writes too, so on a full disk it releases the spare room.
    static func open(
        _ path: String, _ spare: JournalSpare, _ moneyUnit: MoneyUnit
    ) throws(JournalError) -> JournalFile {
        do throws(JournalError) {
            return try JournalFile(path: path, moneyUnit)
        } catch {
            guard case .noRoom = error, spare.release() else { throw error }
            return try JournalFile(path: path, moneyUnit)
        }
    }

    /// Checks that the file still has its name. If no file has it, recreates the file with the contents of the open one.
    /// The check takes a few microseconds.
    ///
    /// - Returns: Whether the file was recreated.
    /// - Throws: ``JournalError/replaced(path:)`` if another file has the name, or the reason why the file could not be
    ///   recreated.
    mutating func recreateIfMissing() throws(JournalError) -> Bool {
        let found = JournalTrace(path)
        switch trace.compare(with: found) {
        case .same:
            trace = found
            return false
        case .replaced: throw .replaced(path: path)
        case .gone:
            let fresh = try Self.copy(database, to: path, moneyUnit)
            // Another file has the name now, so closing the old one touches none of its files (sqlite3PagerClose).
            try? database.close()
            (database, trace) = (fresh, JournalTrace(path))
            return true
        }
    }

    private static func open(_ path: String, _ moneyUnit: MoneyUnit) throws(JournalError) -> DatabaseQueue {
        try create(path)
        try check(path)
        let database = try JournalError.catching(path) {
            var configuration = configuration
            // Even with a wait for the disk in each commit, WAL is two to three times as fast as a rollback journal.
            configuration.journalMode = .wal
            let database = try DatabaseQueue(path: path, configuration: configuration)
            try database.writeWithoutTransaction { try setUp($0) }
            try JournalSchema.apply(to: database, moneyUnit)
            return database
        }
        try restrictPermissions(of: path)
        return database
    }

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "journal"
        configuration.busyMode = .timeout(lockTimeout)
        return configuration
    }

    private static func setUp(_ database: Database) throws {
        // Enabling WAL has lowered it: a commit would not wait for the disk.
        try database.execute(sql: "PRAGMA synchronous = FULL")
        // A short log needs little room when it is copied into the file (JournalSpare). In pages of 4 KiB.
        try database.execute(sql: "PRAGMA wal_autocheckpoint = 32")
        // Debian's SQLite overwrites deleted data with zeros, so that a removal takes twice the room on the disk.
        try database.execute(sql: "PRAGMA secure_delete = FAST")
    }

    /// Creates an empty file, which SQLite treats as an empty database. SQLite's own files next to it get the same
    /// mode.
    private static func create(_ path: String) throws(JournalError) {
        let descriptor = Foundation.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else {
            // An existing file is not opened here: closing it would release the locks of an open journal in this process.
            if errno == EEXIST { return }
            throw .system(path, "cannot be created")
        }
        close(descriptor)
    }

    /// Throws ``JournalError/unusable(path:reason:)`` if the file must not be written. The connection is read-only, since
    /// merely closing another one may write.
    private static func check(_ path: String) throws(JournalError) {
        var configuration = configuration
        configuration.readonly = true
        do {
            try DatabaseQueue(path: path, configuration: configuration).read { database in
                if let reason = try JournalSchema.defect(of: database) {
                    throw JournalError.unusable(path: path, reason: reason)
                }
            }
        } catch let error as JournalError {
            throw error
        } catch {
            if let fault = JournalError.ofContent(error, path) { throw fault }
            // Other errors, such as an unfinished creation, are reported by the first write if they matter.
        }
    }

    /// Writes a copy of a database to disk under a name, and opens it.
    private static func copy(
        _ database: DatabaseQueue, to path: String, _ moneyUnit: MoneyUnit
    ) throws(JournalError) -> DatabaseQueue {
        let draft = path + ".draft"
        unlink(draft)
        try create(draft)
        defer { unlink(draft) }
        try JournalError.catching(path) {
            try database.writeWithoutTransaction { try $0.execute(sql: "VACUUM INTO ?", arguments: [draft]) }
        }
        try synchronize(draft)
        // SQLite would use these files of the removed database for the new one.
        for suffix in ["-wal", "-shm"] { unlink(path + suffix) }
        guard rename(draft, path) == 0 else { throw .system(path, "cannot be recreated") }
        do throws(JournalError) {
            try synchronize(URL(fileURLWithPath: path).deletingLastPathComponent().path)
            let fresh = try open(path, moneyUnit)
            // If the copy was removed just now, this is a new and empty file.
            guard try producer(in: fresh) == producer(in: database) else { throw .replaced(path: path) }
            return fresh
        } catch {
            // The next attempt copies the open database again.
            unlink(path)
            throw error
        }
    }

    private static func producer(in database: DatabaseQueue) throws(JournalError) -> String {
        try JournalError.catching(database.path) {
            try database.writeWithoutTransaction { try JournalTable.producer(in: $0) }
        }
    }

    private static func synchronize(_ path: String) throws(JournalError) {
        let descriptor = Foundation.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(path, "cannot be opened") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .system(path, "cannot be written to the disk") }
    }

    /// Restricts the permissions of files that existed before, such as those restored from a backup.
    private static func restrictPermissions(of path: String) throws(JournalError) {
        for file in [path, path + "-wal", path + "-shm"] where chmod(file, mode) != 0 && errno != ENOENT {
            throw .system(file, "cannot be made private (mode 600)")
        }
    }
}

/// The identities of the files that a journal's name refers to: the database, and the log that SQLite keeps next to it.
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

    enum Difference {
        /// The names refer to the open files.
        case same
        /// One of the open files has no name any more, or was truncated.
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

    /// Compares the open files with those found later. SQLite creates the log when it first needs it, and does not
    /// remove it while a journal is open.
    func compare(with found: JournalTrace) -> Difference {
        guard let database, let current = found.database else { return .gone }
        guard current.isSame(as: database) else { return .replaced }
        guard current.size > 0 || database.size == 0 else { return .gone }
        guard let log else { return .same }
        guard let currentLog = found.log, currentLog.isSame(as: log) else { return .gone }
        return .same
    }
}

/// A file next to the journal's that reserves room on its disk. Used on the journal's queue.
///
/// Removing replayed records takes some room too, so without it a full disk would keep waiting records forever. The room is
/// released when the disk is full, and reserved again when no record waits.
struct JournalSpare {
    /// The size in bytes: more than the write-ahead log takes between two checkpoints (``JournalFile``), and than a
    /// deletion adds to it.
    static let size = 256 * 1_024

    private let path: String

    init(besideJournal path: String) {
        self.path = path + ".spare"
    }

    /// Reserves the room. Does nothing if it is reserved already, or if the disk has not enough.
    func reserve() {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        if posix_fallocate(descriptor, 0, off_t(Self.size)) != 0 { unlink(path) }
    }

    /// Releases the room. Returns whether any was reserved.
    func release() -> Bool { unlink(path) == 0 }
}

extension DatabaseQueue {
    /// Whether the connection has not been closed.
    var isOpen: Bool { writeWithoutTransaction { $0.sqliteConnection != nil } }
}
