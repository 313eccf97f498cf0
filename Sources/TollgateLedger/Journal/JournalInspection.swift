import Foundation
import GRDB

/// The contents of a journal's file, for reports. Reading them changes neither the file nor the files beside it, and
/// does not disturb a sidecar that uses the journal.
package struct JournalInspection: Sendable, Equatable {
    /// The number of waiting records, and of the operations in them.
    package var records = 0
    package var operations = 0
    /// The time at which the oldest waiting record was appended, Unix ms; nil if none waits.
    package var oldestAt: Int64?
    /// The number of rows in the table `rejected`, and the reason of the newest one.
    package var rejected = 0
    package var lastReason: String?

    /// Reads the file. Blocks.
    ///
    /// - Throws: ``JournalError/unusable(path:reason:)`` for a file that this version does not accept;
    ///   ``JournalError/storage(_:)`` if it cannot be read.
    package init(path: String) throws(JournalError) {
        // Beside a journal that was closed, SQLite would create files. So it gets a copy.
        let isInUse = ["-wal", "-shm"].allSatisfy { FileManager.default.fileExists(atPath: path + $0) }
        if isInUse {
            try self.init(readingAt: path, named: path)
            return
        }
        let folder = FileManager.default.temporaryDirectory.appending(path: "tollgate-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
            try FileManager.default.copyItem(atPath: path, toPath: folder + "/journal.sqlite")
        } catch {
            throw .storage("the journal \(path) cannot be copied for reading: \(error.localizedDescription)")
        }
        try self.init(readingAt: folder + "/journal.sqlite", named: path)
    }

    private init(readingAt file: String, named path: String) throws(JournalError) {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(JournalFile.lockTimeout)
        self = try JournalError.catching(path) {
            do {
                return try DatabaseQueue(path: file, configuration: configuration).read { database in
                    if let reason = try JournalSchema.defect(of: database) {
                        throw JournalError.unusable(path: path, reason: reason)
                    }
                    return try JournalInspection(database)
                }
            } catch {
                throw JournalError.ofContent(error, path) ?? error
            }
        }
    }

    private init(_ database: Database) throws {
        // An empty file has no tables yet.
        guard try database.tableExists("waiting") else { return }
        let waiting = try Row.fetchOne(
            database, sql: "SELECT count(*), coalesce(sum(operations), 0), min(accepted_at) FROM waiting")
        if let waiting { (records, operations, oldestAt) = (waiting[0], waiting[1], waiting[2]) }
        rejected = try Int.fetchOne(database, sql: "SELECT count(*) FROM rejected") ?? 0
        lastReason = try String.fetchOne(database, sql: "SELECT reason FROM rejected ORDER BY id DESC LIMIT 1")
    }
}
