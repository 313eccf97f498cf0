import Foundation
import GRDB

/// Why the journal did not do as told; the description is a sentence for the operator.
package enum JournalError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The operations would have been more than the journal may hold.
    case full(capacity: Int)
    /// The disk is full.
    case noRoom(path: String)
    /// The disk or the file did not take or give it: read-only, an I/O error, another process that holds the file.
    case storage(String)
    /// The file is not a journal, a damaged one, or that of a later version. It was left as it is.
    case unusable(path: String, reason: String)
    /// Another file has the journal's name by now.
    case replaced(path: String)
    /// The journal has been closed.
    case closed

    /// The sentence.
    package var description: String {
        switch self {
        case .full(let capacity): "the journal is full: it holds at most \(capacity) operations"
        case .noRoom(let path): "the journal \(path): the disk is full"
        case .storage(let sentence): sentence
        case .unusable(let path, let reason): "the journal \(path) cannot be used: \(reason); it was left untouched"
        case .replaced(let path):
            "the journal \(path) is another file now than the one that is in use: move that one away, and the journal is made anew"
        case .closed: "the journal has been closed"
        }
    }
}

extension JournalError {
    /// Runs what uses the journal's file, and turns what SQLite says of it into a sentence.
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

    private static func reason(for error: DatabaseError) -> String {
        switch error.resultCode {
        case .SQLITE_READONLY: "it cannot be written, only read"
        case .SQLITE_BUSY: "another process held it for more than \(Int(JournalFile.patience)) s"
        case .SQLITE_IOERR: "the disk failed (SQLite's error \(error.extendedResultCode.rawValue))"
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: "its content is damaged"
        default: "\(error.message ?? "SQLite's error") (\(error.extendedResultCode.rawValue))"
        }
    }

    /// Of a call of the system that has just failed.
    static func system(_ path: String, _ what: String) -> Self {
        .storage("the journal \(path) \(what): \(String(cString: strerror(errno)))")
    }
}
