import Foundation
import GRDB
import Testing
import TollgateTestSupport

@testable import TollgateLedger

/// Tests of a journal whose file is removed while it is open.
@Suite struct JournalLostTests {
    private func remove(_ harness: JournalHarness, _ suffixes: String...) {
        for suffix in suffixes { #expect(unlink(harness.path + suffix) == 0, "\(suffix)") }
    }

    @Test(
        "an unlinked file is recreated with all waiting records before more is acknowledged",
        arguments: [["", "-wal", "-shm"], [""], ["-wal"]])
    func unlinked(suffixes: [String]) async throws {
        let harness = try JournalHarness()
        _ = await harness.journal.append(all: (1...300).map { "\($0)" })
        try await harness.journal.remove(through: 100)
        let waiting = try await harness.journal.all()
        for suffix in suffixes { remove(harness, suffix) }
        try await harness.journal.append("after", operations: 3)
        #expect(harness.journal.depth == Journal.Depth(operations: 203, records: 201, remade: 1))
        let producer = harness.journal.producer
        // The file as another process finds it after a crash of this one.
        let (folder, copy) = (try TemporaryFolder(), "copy")
        for suffix in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: harness.path + suffix, toPath: folder.path + "/\(copy)\(suffix)")
        }
        let found = try Journal(path: folder.path + "/copy", capacity: 1_000)
        let records = try await found.all()
        #expect(records.dropLast() == waiting[...])
        #expect(records.last?.payload == "after" && records.last?.number == 301)
        #expect(found.producer == producer)
        await found.close()
        // The journal works as before.
        try await harness.journal.remove(through: 301)
        #expect(harness.journal.isEmpty)
        try await harness.journal.append("more")
        #expect(try await harness.journal.all().map(\.number) == [302])
        let attributes = try FileManager.default.attributesOfItem(atPath: harness.path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        try await harness.reopen()
        #expect(try await harness.journal.all().map(\.payload) == ["more"])
    }

    @Test("a file that is unlinked repeatedly under load has all acknowledged records, in order")
    func underLoad() async throws {
        let harness = try JournalHarness()
        var kept: [String] = []
        for round in 0..<12 {
            async let outcomes = harness.journal.append(all: (0..<40).map { "\(round)/\($0)" })
            try await Task.sleep(for: .milliseconds(round % 4))
            for suffix in round % 3 == 0 ? ["-wal"] : ["", "-wal", "-shm"] { unlink(harness.path + suffix) }
            for (index, outcome) in await outcomes.enumerated() {
                if case .success = outcome { kept.append("\(round)/\(index)") }
            }
        }
        #expect(kept.count == 12 * 40)
        try await harness.reopen()
        let records = try await harness.journal.all()
        #expect(records.map(\.payload).sorted() == kept.sorted())
        #expect(records.map(\.number) == Array(1...480))
    }

    @Test("a removed file is noticed even if nothing is appended")
    func checked() async throws {
        let harness = try JournalHarness()
        try await harness.journal.append("a")
        #expect(await harness.journal.check() == Journal.Depth(operations: 1, records: 1))
        remove(harness, "", "-wal", "-shm")
        #expect(await harness.journal.check() == Journal.Depth(operations: 1, records: 1, remade: 1))
        try await harness.reopen()
        #expect(try await harness.journal.all().map(\.payload) == ["a"])
    }

    @Test("if the file cannot be recreated nothing is acknowledged, and waiting records can still be replayed")
    func folderGone() async throws {
        let folder = try TemporaryFolder()
        let home = folder.path + "/home"
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: false)
        let journal = try Journal(path: home + "/journal", capacity: 10)
        try await journal.append("a")
        try FileManager.default.removeItem(atPath: home)
        let error = await #expect(throws: JournalError.self) { try await journal.append("b") }
        #expect("\(try #require(error))".contains("No such file or directory"))
        #expect(journal.depth.records == 1)
        #expect(try await journal.all().map(\.payload) == ["a"])
        #expect(journal.depth.lastError == error?.description)
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: false)
        try await journal.append("c")
        #expect(journal.depth == Journal.Depth(operations: 2, records: 2, remade: 1))
        await journal.close()
        let reopened = try Journal(path: home + "/journal", capacity: 10)
        #expect(try await reopened.all().map(\.payload) == ["a", "c"])
        await reopened.close()
    }

    @Test("another file with its name is left untouched, and nothing is acknowledged until it is moved away")
    func replaced() async throws {
        let harness = try JournalHarness()
        try await harness.journal.append("a")
        remove(harness, "")
        try Data("mine".utf8).write(to: URL(fileURLWithPath: harness.path))
        await #expect(throws: JournalError.replaced(path: harness.path)) { try await harness.journal.append("b") }
        #expect(FileManager.default.contents(atPath: harness.path) == Data("mine".utf8))
        // Replay goes on, and does not hide the error.
        #expect(try await harness.journal.all().map(\.payload) == ["a"])
        try await harness.journal.remove(through: 1)
        #expect(harness.journal.depth.lastError == JournalError.replaced(path: harness.path).description)
        remove(harness, "")
        try await harness.journal.append("c")
        #expect(harness.journal.depth == Journal.Depth(operations: 1, records: 1, remade: 1))
        try await harness.reopen()
        #expect(try await harness.journal.all().map(\.payload) == ["c"])
    }

    @Test("a file that was truncated in place takes no records")
    func emptied() async throws {
        let harness = try JournalHarness()
        _ = await harness.journal.append(all: (1...500).map { "\($0) " + String(repeating: "x", count: 100) })
        #expect(truncate(harness.path, 0) == 0)
        let outcome = await harness.journal.append(all: ["after"])[0]
        guard case .success = outcome else { return }
        try await harness.reopen()
        #expect(try await harness.journal.all().count == 501)
    }
}
