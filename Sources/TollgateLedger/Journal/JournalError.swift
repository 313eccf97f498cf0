import Foundation
import GRDB

/// A failure of the journal. The description is a sentence for the operator.
package enum JournalError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The journal would hold more operations than its capacity.
    case full(capacity: Int)
    /// The disk is full.
    case noRoom(path: String)
    /// The file could not be read or written: read-only, an I/O error, or locked by another process.
    case storage(String)
    /// The file is not a journal, is damaged, or was written by a later version. It was not changed.
    case unusable(path: String, reason: String)
    /// Another file has taken the journal's name.
    case replaced(path: String)
    /// The journal has been closed.
    case closed

    package var description: String {
        switch self {
        case .full(let capacity): "the journal is full: it holds at most \(capacity) operations"
        case .noRoom(let path): "the journal \(path): the disk is full"
        case .storage(let sentence): sentence
        case .unusable(let path, let reason): "the journal \(path) cannot be used: \(reason); it was left untouched"
        case .replaced(let path):
            "the journal \(path) was replaced by another file: move that file away, and the journal is recreated"
        case .closed: "the journal has been closed"
        }
    }
}

extension JournalError {
    /// Runs code that uses the journal's file, and converts errors of SQLite.
    static func catching<Value>(_ path: String, _ body: () throws -> Value) throws(JournalError) -> Value {
        do {
            return try body()
        } catch let error as JournalError {
            throw error
        } catch let error as DatabaseError where error.resultCode == .SQLITE_FULL {
            throw .noRoom(path: path)
        } catch let error as DatabaseError {
            throw .storage("the journal \(path): \(reason(for: error))")
        } catch {
            throw .storage("the journal \(path): \(error)")
        }
    }

    /// The error of a file that is not a sound database; nil for other errors.
    static func ofContent(_ error: any Error, _ path: String) -> JournalError? {
        switch (error as? DatabaseError)?.resultCode {
        case .SQLITE_NOTADB?: .unusable(path: path, reason: "the file is not a database")
        case .SQLITE_CORRUPT?: .unusable(path: path, reason: "the file is damaged")
        default: nil
        }
    }

    private static func reason(for error: DatabaseError) -> String {
        switch error.resultCode {
        case .SQLITE_READONLY: "the file is read-only"
        case .SQLITE_BUSY: "another process locked it for more than \(Int(JournalFile.lockTimeout)) s"
        case .SQLITE_IOERR: "I/O error (SQLite error \(error.extendedResultCode.rawValue))"
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: "its content is damaged"
        default: "\(error.message ?? "SQLite error") (\(error.extendedResultCode.rawValue))"
        }
    }

    /// Returns the error of a system call that has just failed, from `errno`.
    static func system(_ path: String, _ problem: String) -> Self {
        .storage("the journal \(path) \(problem): \(String(cString: strerror(errno)))")
    }
}
