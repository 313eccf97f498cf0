import Foundation
import GRDB

/// Opens a journal's file.
enum JournalFile {
    /// Seconds that a transaction waits for another process to let go of the file.
    static let patience: TimeInterval = 5

    /// For its owner alone: what users did stands in it.
    private static let mode: mode_t = 0o600

    /// Opens the file, makes it where there is none, and brings its tables up to date.
    static func open(_ path: String) throws(JournalError) -> DatabaseQueue {
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

    /// A file that was there, put back from a copy perhaps, may be open to others.
    private static func narrow(_ path: String) throws(JournalError) {
        for file in [path, path + "-wal", path + "-shm"] where chmod(file, mode) != 0 && errno != ENOENT {
            throw .system(file, "cannot be closed to others")
        }
    }
}
