import Foundation
import GRDB

/// A journal's open file. Belongs to the journal's queue.
struct JournalFile: Sendable {
    private(set) var database: DatabaseQueue
    private let path: String
    private var trace: JournalTrace

    /// Seconds that a transaction waits for another process to let go of the file.
    static let patience: TimeInterval = 5

    /// For its owner alone: what users did stands in it.
    private static let mode: mode_t = 0o600

    /// Opens the file, makes it where there is none, and brings its tables up to date.
    init(path: String) throws(JournalError) {
        database = try Self.open(path)
        self.path = path
        trace = JournalTrace(path)
    }

    /// Looks whether the file still has its name, and makes it anew where nothing has, with all that stands in the open one.
    /// Takes a few microseconds where all is well.
    ///
    /// - Returns: whether it was made anew.
    /// - Throws: ``JournalError/replaced(path:)`` where another file has the name, and why it could not be made anew.
    mutating func stayInPlace() throws(JournalError) -> Bool {
        let found = JournalTrace(path)
        switch trace.judge(found) {
        case .same:
            trace = found
            return false
        case .replaced: throw .replaced(path: path)
        case .gone:
            let fresh = try Self.copy(database, to: path)
            // As another file has its name, closing it touches none of the new one's (sqlite3PagerClose).
            try? database.close()
            (database, trace) = (fresh, JournalTrace(path))
            return true
        }
    }

    private static func open(_ path: String) throws(JournalError) -> DatabaseQueue {
        try create(path)
        try check(path)
        let database = try JournalError.catching(path) {
            var configuration = configuration
            // With a wait for the disk in each commit still two to three times as fast as a rollback journal.
            configuration.journalMode = .wal
            let database = try DatabaseQueue(path: path, configuration: configuration)
            try database.writeWithoutTransaction { try setUp($0) }
            try JournalSchema.apply(to: database)
            return database
        }
        try narrow(path)
        return database
    }

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "journal"
        configuration.busyMode = .timeout(patience)
        return configuration
    }

    private static func setUp(_ database: Database) throws {
        // Setting WAL up has lowered it: a commit would not wait for the disk.
        try database.execute(sql: "PRAGMA synchronous = FULL")
        // The log stays small, so that little room is needed to fold it into the file (JournalSpare). In pages of 4 KiB.
        try database.execute(sql: "PRAGMA wal_autocheckpoint = 32")
        // Debian's SQLite overwrites with zeros all that is deleted, for which removing takes twice the room on the disk.
        try database.execute(sql: "PRAGMA secure_delete = FAST")
    }

    /// Makes an empty file, which SQLite takes for an empty database. It gives its own files beside it the same mode.
    private static func create(_ path: String) throws(JournalError) {
        let descriptor = Foundation.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else {
            // Not opened here even to look: closing it would end the locks of an open journal in this process.
            if errno == EEXIST { return }
            throw .system(path, "cannot be created")
        }
        close(descriptor)
    }

    /// Throws ``JournalError/unusable(path:reason:)`` when the file is not fit to be written. Looks at it through a
    /// connection that cannot write, since merely closing another one may.
    private static func check(_ path: String) throws(JournalError) {
        var configuration = configuration
        configuration.readonly = true
        do {
            try DatabaseQueue(path: path, configuration: configuration).read { database in
                if let reason = try JournalSchema.reasonAgainst(database) {
                    throw JournalError.unusable(path: path, reason: reason)
                }
            }
        } catch let error as JournalError {
            throw error
        } catch let error as DatabaseError where error.resultCode == .SQLITE_NOTADB {
            throw .unusable(path: path, reason: "the file is not a database")
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CORRUPT {
            throw .unusable(path: path, reason: "the file is damaged")
        } catch {
            // Whatever else stands in the way, as a creation cut short does, stands in the way of writing too, or does not.
        }
    }

    /// Puts a copy of all that stands in a database under this name, whole and on disk, and opens it.
    private static func copy(_ database: DatabaseQueue, to path: String) throws(JournalError) -> DatabaseQueue {
        let draft = path + ".draft"
        unlink(draft)
        try create(draft)
        defer { unlink(draft) }
        try JournalError.catching(path) {
            try database.writeWithoutTransaction { try $0.execute(sql: "VACUUM INTO ?", arguments: [draft]) }
        }
        try synchronize(draft)
        // Of the file that is gone: SQLite would take them for the new one's.
        for suffix in ["-wal", "-shm"] { unlink(path + suffix) }
        guard rename(draft, path) == 0 else { throw .system(path, "cannot be made anew") }
        do throws(JournalError) {
            try synchronize(URL(fileURLWithPath: path).deletingLastPathComponent().path)
            let fresh = try open(path)
            // Taken away again just now: that is a new one, with nothing in it.
            guard try producer(in: fresh) == producer(in: database) else { throw .replaced(path: path) }
            return fresh
        } catch {
            // To be tried again, from what is open.
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

    /// A file that was there, put back from a copy perhaps, may be open to others.
    private static func narrow(_ path: String) throws(JournalError) {
        for file in [path, path + "-wal", path + "-shm"] where chmod(file, mode) != 0 && errno != ENOENT {
            throw .system(file, "cannot be closed to others")
        }
    }
}

extension DatabaseQueue {
    /// Whether it has not been closed.
    var isOpen: Bool { writeWithoutTransaction { $0.sqliteConnection != nil } }
}
