import GRDB
import TollgateCore

/// The tables of a journal's file.
enum JournalSchema {
    /// The application id in SQLite's file header, which identifies a journal: "Toll".
    private static let applicationID = 0x546f_6c6c

    /// Creates the tables, or migrates them. The unit is that of the costs that will be added.
    static func apply(to database: DatabaseQueue, _ moneyUnit: MoneyUnit) throws {
        // Set before any table exists: a file with tables but without the id belongs to another program.
        try database.writeWithoutTransaction { database in
            guard try Int.fetchOne(database, sql: "PRAGMA application_id") != applicationID else { return }
            try database.execute(sql: "PRAGMA application_id = \(applicationID)")
        }
        let hasDecimals = try database.read { try migrator.appliedIdentifiers($0).contains(decimals) }
        try migrator.migrate(database, upTo: moneyUnit == .nano && !hasDecimals ? groupsTable : decimals)
    }

    private static let groupsTable = "groups"
    private static let decimals = "decimals"

    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("waiting, rejected, meta") { database in
            try database.execute(sql: tables)
            try database.execute(
                sql: "INSERT INTO meta (name, value) VALUES ('producer', lower(hex(randomblob(8))))")
        }
        migrator.registerMigration(groupsTable) { try $0.execute(sql: groups) }
        // Changes no table. A version that does not know it would read the costs as nano-units, and refuses the file. It is
        // applied only where costs have another unit.
        migrator.registerMigration(decimals) { _ in }
        return migrator
    }

    // A payload is a BLOB because as TEXT it would end at its first NUL. It is the last column, so that counting operations
    // does not read the overflow pages of long payloads.
    private static let tables = """
        CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE waiting (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            producer TEXT, -- NULL with sequence: never sent
            sequence INTEGER,
            operations INTEGER NOT NULL CHECK (operations >= 1),
            accepted_at INTEGER NOT NULL,
            payload BLOB NOT NULL,
            CHECK ((producer IS NULL) = (sequence IS NULL))
        );
        CREATE TABLE rejected (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            number INTEGER NOT NULL,
            producer TEXT NOT NULL,
            sequence INTEGER NOT NULL,
            operations INTEGER NOT NULL,
            accepted_at INTEGER NOT NULL,
            rejected_at INTEGER NOT NULL,
            reason TEXT NOT NULL,
            payload BLOB NOT NULL
        );
        """

    // The first and last numbers of the records that are sent in one call. A version that does not know the table
    // refuses the file: it would send the records one by one, and count them twice.
    private static let groups = "CREATE TABLE groups (first INTEGER PRIMARY KEY, last INTEGER NOT NULL)"

    /// Returns the reason why a file must not be written; nil for an empty file and a sound journal. Throws the errors that
    /// SQLite finds in it.
    static func defect(of database: Database) throws -> String? {
        let isEmpty = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") == 0
        if isEmpty { return nil }
        guard try Int.fetchOne(database, sql: "PRAGMA application_id") == applicationID else {
            return "the file is a database of another program"
        }
        if try migrator.hasBeenSuperseded(database) { return "a later version of tollgate has written the file" }
        let finding = try String.fetchOne(database, sql: "PRAGMA quick_check(1)")
        return finding == "ok" ? nil : "the file is damaged (\(finding ?? "no finding"))"
    }
}
