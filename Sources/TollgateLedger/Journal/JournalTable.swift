import Foundation
import GRDB

/// The queries of a journal (``JournalSchema``). Called on the journal's queue; those that write, in a transaction.
enum JournalTable {
    /// The maximum number of rejected records in the table.
    static let maxRejected = 1_000

    /// The state of a journal's file when it is opened.
    struct Contents: Sendable {
        var producer: String
        var reservationKeys: [String]
        var depth: Journal.Depth
        /// The times at which the waiting records were appended (Unix ms), in order.
        var acceptedAt: [Int64]
        var earlier: Journal.Earlier
    }

    /// Reads the state of a file that was just opened. A file without waiting records gets a new producer name.
    static func open(in database: Database) throws -> Contents {
        let depth = try Self.depth(of: database)
        if depth.records == 0 { renewProducer(in: database) }
        return Contents(
            producer: try producer(in: database), reservationKeys: try reservationKeys(in: database), depth: depth,
            acceptedAt: try acceptedAt(in: database),
            earlier: Journal.Earlier(last: try last(in: database), groups: try groups(in: database)))
    }

    static func producer(in database: Database) throws -> String {
        guard let producer = try String.fetchOne(database, sql: "SELECT value FROM meta WHERE name = 'producer'") else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT)
        }
        return producer
    }

    /// Chooses a new producer name. Called while no record waits.
    ///
    /// A copy of the file, or a restored one, would reuse numbers of its old name, and Redis would treat its records as
    /// applied. On a full disk the name stays.
    private static func renewProducer(in database: Database) {
        try? database.execute(sql: "UPDATE meta SET value = lower(hex(randomblob(8))) WHERE name = 'producer'")
    }

    private static func reservationKeys(in database: Database) throws -> [String] {
        let text = try String.fetchOne(database, sql: "SELECT value FROM meta WHERE name = 'reservation_keys'")
        return (text ?? "").split(separator: ",").map(String.init)
    }

    static func store(reservationKeys: [String], in database: Database) throws {
        try database.execute(
            sql: "INSERT OR REPLACE INTO meta (name, value) VALUES ('reservation_keys', ?)",
            arguments: [reservationKeys.joined(separator: ",")])
    }

    private static func depth(of database: Database) throws -> Journal.Depth {
        let waiting = try sums(over: "waiting", in: database)
        // Includes records that have been deleted from the table.
        let rejected = try Int.fetchOne(database, sql: "SELECT seq FROM sqlite_sequence WHERE name = 'rejected'") ?? 0
        return Journal.Depth(operations: waiting.operations, records: waiting.records, rejected: rejected)
    }

    /// Returns the number of the last record; 0 if there is none.
    private static func last(in database: Database) throws -> Int64 {
        try Int64.fetchOne(database, sql: "SELECT max(number) FROM waiting") ?? 0
    }

    private static func acceptedAt(in database: Database) throws -> [Int64] {
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

    /// Returns records in order.
    ///
    /// - Parameters:
    ///   - operations: The maximum number of operations in all of them, unless the first record alone has more.
    ///   - producer: The producer of records that were never sent.
    static func records(
        after number: Int64, atMost count: Int, operations: Int, producer: String, in database: Database
    ) throws -> [Journal.Record] {
        let statement = try database.cachedStatement(
            sql: """
                SELECT number, producer, sequence, operations, accepted_at, payload FROM waiting
                WHERE number > ? ORDER BY number LIMIT ?
                """)
        let rows = try Row.fetchCursor(statement, arguments: [number, max(count, 0)])
        var records: [Journal.Record] = []
        var room = operations
        while let row = try rows.next() {
            room -= row[3] as Int
            guard room >= 0 || records.isEmpty else { break }
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

    /// Returns the first number after the given one whose record was never sent under another identity; nil if there
    /// is none.
    static func nextUnsent(after number: Int64, in database: Database) throws -> Int64? {
        try Int64.fetchOne(
            database, sql: "SELECT min(number) FROM waiting WHERE number > ? AND producer IS NULL", arguments: [number])
    }

    /// Returns the first and the last number of each group, in order.
    static func groups(in database: Database) throws -> [ClosedRange<Int64>] {
        try Row.fetchAll(database, sql: "SELECT first, last FROM groups ORDER BY first").map { $0[0]...$0[1] }
    }

    static func join(_ group: ClosedRange<Int64>, in database: Database) throws {
        let statement = try database.cachedStatement(sql: "INSERT INTO groups (first, last) VALUES (?, ?)")
        try statement.execute(arguments: [group.lowerBound, group.upperBound])
    }

    static func separate(_ group: ClosedRange<Int64>, in database: Database) throws {
        try database.execute(sql: "DELETE FROM groups WHERE first = ?", arguments: [group.lowerBound])
    }

    /// Removes records and their groups. Returns how many records and operations were removed.
    static func remove(through number: Int64, in database: Database) throws -> (records: Int, operations: Int) {
        let removed = try sums(over: "waiting WHERE number <= ?", [number], in: database)
        try database.execute(sql: "DELETE FROM waiting WHERE number <= ?", arguments: [number])
        try database.execute(sql: "DELETE FROM groups WHERE last <= ?", arguments: [number])
        return removed
    }

    /// Moves a record to the table `rejected`. Returns how many rows of `waiting` it had; does nothing if it had none.
    static func reject(
        _ record: Journal.Record, because reason: String, at now: Int64, in database: Database
    ) throws -> Int {
        try database.execute(
            sql: "DELETE FROM waiting WHERE number BETWEEN ? AND ?", arguments: [record.first, record.number])
        let removed = database.changesCount
        guard removed > 0 else { return 0 }
        try separate(record.first...record.number, in: database)
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
            sql: "DELETE FROM rejected WHERE id <= ?", arguments: [database.lastInsertedRowID - Int64(maxRejected)])
        return removed
    }

    private static func sums(
        over rows: String, _ arguments: StatementArguments = [], in database: Database
    ) throws -> (records: Int, operations: Int) {
        let sql = "SELECT count(*), coalesce(sum(operations), 0) FROM \(rows)"
        guard let row = try Row.fetchOne(database, sql: sql, arguments: arguments) else { return (0, 0) }
        return (row[0], row[1])
    }
}
