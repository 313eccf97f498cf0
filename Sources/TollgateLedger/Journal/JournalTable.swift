import Foundation
import GRDB

/// What a journal asks its tables (``JournalSchema``). To be called on the journal's queue, and what writes in a
/// transaction.
enum JournalTable {
    /// Rejected records that are kept.
    static let rejectedKept = 1_000

    static func producer(in database: Database) throws -> String {
        guard let producer = try String.fetchOne(database, sql: "SELECT value FROM meta WHERE name = 'producer'") else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT)
        }
        return producer
    }

    /// To be called while nothing waits. A copy of the file, or an old one that was put back, would go on under a name whose
    /// numbers have been used: what it keeps then would be taken for what has been applied. On a disk without room the name
    /// stays.
    static func renewProducer(in database: Database) {
        try? database.execute(sql: "UPDATE meta SET value = lower(hex(randomblob(8))) WHERE name = 'producer'")
    }

    static func reservationKeys(in database: Database) throws -> [String] {
        let text = try String.fetchOne(database, sql: "SELECT value FROM meta WHERE name = 'reservation_keys'")
        return (text ?? "").split(separator: ",").map(String.init)
    }

    static func keep(reservationKeys: [String], in database: Database) throws {
        try database.execute(
            sql: "INSERT OR REPLACE INTO meta (name, value) VALUES ('reservation_keys', ?)",
            arguments: [reservationKeys.joined(separator: ",")])
    }

    static func depth(of database: Database) throws -> Journal.Depth {
        let waiting = try sums(over: "waiting", in: database)
        // Counts also those that have been let go.
        let rejected = try Int.fetchOne(database, sql: "SELECT seq FROM sqlite_sequence WHERE name = 'rejected'") ?? 0
        return Journal.Depth(operations: waiting.operations, records: waiting.records, rejected: rejected)
    }

    static func acceptedAt(in database: Database) throws -> [Int64] {
        try Int64.fetchAll(database, sql: "SELECT accepted_at FROM waiting ORDER BY number")
    }

    static func insert(_ entry: JournalState.Entry, in database: Database) throws {
        let statement = try database.cachedStatement(
            sql: "INSERT INTO waiting (producer, sequence, operations, accepted_at, payload) VALUES (?, ?, ?, ?, ?)")
        try statement.execute(arguments: [
            entry.identity?.producer, entry.identity?.sequence, entry.operations, entry.acceptedAt,
            Data(entry.payload.utf8),
        ])
    }

    /// `producer` is the one of what was never sent.
    static func records(
        after number: Int64, atMost count: Int, producer: String, in database: Database
    ) throws -> [Journal.Record] {
        let statement = try database.cachedStatement(
            sql: """
                SELECT number, producer, sequence, operations, accepted_at, payload FROM waiting
                WHERE number > ? ORDER BY number LIMIT ?
                """)
        let rows = try Row.fetchCursor(statement, arguments: [number, max(count, 0)])
        var records: [Journal.Record] = []
        while let row = try rows.next() {
            let number: Int64 = row[0]
            let payload: Data = row[5]
            let identity = BatchIdentity(producer: row[1] ?? producer, sequence: row[2] ?? number)
            records.append(
                Journal.Record(
                    number: number, identity: identity, operations: row[3],
                    payload: String(decoding: payload, as: UTF8.self), acceptedAt: row[4]))
        }
        return records
    }

    /// Returns how much that was.
    static func remove(through number: Int64, in database: Database) throws -> (records: Int, operations: Int) {
        let removed = try sums(over: "waiting WHERE number <= ?", [number], in: database)
        try database.execute(sql: "DELETE FROM waiting WHERE number <= ?", arguments: [number])
        return removed
    }

    /// Returns false, and does nothing, when the record is not there.
    static func reject(
        _ record: Journal.Record, because reason: String, at now: Int64, in database: Database
    ) throws -> Bool {
        try database.execute(sql: "DELETE FROM waiting WHERE number = ?", arguments: [record.number])
        guard database.changesCount == 1 else { return false }
        try database.execute(
            sql: """
                INSERT INTO rejected
                (number, producer, sequence, operations, accepted_at, rejected_at, reason, payload)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                record.number, record.identity.producer, record.identity.sequence, record.operations,
                record.acceptedAt, now, reason, Data(record.payload.utf8),
            ])
        try database.execute(
            sql: "DELETE FROM rejected WHERE id <= ?", arguments: [database.lastInsertedRowID - Int64(rejectedKept)])
        return true
    }

    private static func sums(
        over rows: String, _ arguments: StatementArguments = [], in database: Database
    ) throws -> (records: Int, operations: Int) {
        let sql = "SELECT count(*), coalesce(sum(operations), 0) FROM \(rows)"
        guard let row = try Row.fetchOne(database, sql: sql, arguments: arguments) else { return (0, 0) }
        return (row[0], row[1])
    }
}
