import Foundation
import GRDB
import Testing
import TollgateTestSupport

@testable import TollgateLedger

@Suite struct JournalFileTests {
    private func mode(_ path: String) throws -> Int {
        try #require(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    @Test("the file and SQLite's files beside it are readable only by their owner, even if they were not before")
    func modes() async throws {
        let harness = try JournalHarness()
        try await harness.journal.append("a")
        for suffix in ["", "-wal", "-shm"] { #expect(try mode(harness.path + suffix) == 0o600, "\(suffix)") }
        await harness.journal.close()
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: harness.path)
        try await harness.reopen()
        try await harness.journal.append("b")
        for suffix in ["", "-wal", "-shm"] { #expect(try mode(harness.path + suffix) == 0o600, "\(suffix)") }
    }

    @Test("a commit waits for the disk")
    func synchronous() throws {
        let harness = try JournalHarness()
        let (mode, synchronous) = try harness.journal.database.read { database in
            (
                try String.fetchOne(database, sql: "PRAGMA journal_mode"),
                try Int.fetchOne(database, sql: "PRAGMA synchronous")
            )
        }
        #expect(mode == "wal")
        #expect(synchronous == 2)
    }

    /// Expects that the file cannot be used for a reason, and is not changed.
    private func expectUnusable(_ path: String, because reason: String) throws {
        let content = FileManager.default.contents(atPath: path)
        let attributes = try mode(path)
        let error = #expect(throws: JournalError.self) { try Journal(path: path, capacity: 10) }
        guard case .unusable(path, let found) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(found.contains(reason))
        #expect(error?.description == "the journal \(path) cannot be used: \(found); it was left untouched")
        #expect(FileManager.default.contents(atPath: path) == content)
        #expect(try mode(path) == attributes)
    }

    @Test(
        "a file that is not a database is refused and left untouched",
        arguments: ["hello", String(repeating: "not a database\n", count: 1_000)])
    func noDatabase(_ text: String) throws {
        let folder = try TemporaryFolder()
        try expectUnusable(try folder.write(text, to: "journal"), because: "not a database")
    }

    @Test("databases of another program or a later version are refused and left untouched")
    func otherDatabases() async throws {
        let folder = try TemporaryFolder()
        let foreign = try DatabaseQueue(path: folder.path + "/foreign")
        try await foreign.write { try $0.execute(sql: "CREATE TABLE customers (name TEXT)") }
        try foreign.close()
        try expectUnusable(folder.path + "/foreign", because: "a database of another program")

        let harness = try JournalHarness()
        await harness.journal.close()
        let later = try harness.otherConnection()
        try await later.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('of the future')") }
        try later.close()
        try expectUnusable(harness.path, because: "later version")
    }

    @Test("a damaged journal is refused and left untouched")
    func damaged() async throws {
        let harness = try JournalHarness()
        _ = await harness.journal.append(all: (1...2_000).map { "\($0) " + String(repeating: "x", count: 100) })
        await harness.journal.close()
        var content = try #require(FileManager.default.contents(atPath: harness.path))
        // Damages bytes behind the schema, in the middle of the records.
        let middle = content.count / 2 / 4_096 * 4_096
        content.replaceSubrange(middle..<middle + 4_096, with: Data(repeating: 0xaa, count: 4_096))
        try content.write(to: URL(fileURLWithPath: harness.path))
        try expectUnusable(harness.path, because: "damaged")
    }

    @Test("an empty file becomes a journal")
    func emptyFile() async throws {
        let folder = try TemporaryFolder()
        let journal = try Journal(path: try folder.emptyFile("journal").path, capacity: 10)
        try await journal.append("a")
        #expect(journal.depth.records == 1)
    }

    @Test("the error for a missing folder names it")
    func noFolder() throws {
        let error = #expect(throws: JournalError.self) { try Journal(path: "/nowhere/at/all/journal", capacity: 10) }
        #expect(
            error == .storage("the journal /nowhere/at/all/journal cannot be created: No such file or directory"))
    }
}
