import Foundation
import GRDB
import Testing
import TollgateTestSupport

@testable import TollgateLedger

@Suite struct JournalTests {
    @Test("records are read in order and unchanged, also after reopening")
    func order() async throws {
        let harness = try JournalHarness()
        let sent = BatchIdentity(producer: "someone", sequence: 77)
        let before = Int64(Date().timeIntervalSince1970 * 1_000)
        try await harness.journal.append("first", operations: 3)
        try await harness.journal.append("", identity: sent)
        try await harness.journal.append("nul \0, ü, \u{1F6A7}\nand a line", operations: 512)
        let records = try await harness.journal.all()
        #expect(records.map(\.payload) == ["first", "", "nul \0, ü, \u{1F6A7}\nand a line"])
        #expect(records.map(\.operations) == [3, 1, 512])
        #expect(records.map(\.number) == [1, 2, 3])
        #expect(records[1].identity == sent)
        #expect(records.allSatisfy { $0.acceptedAt >= before && $0.acceptedAt < before + 60_000 })
        try await harness.reopen()
        #expect(try await harness.journal.all() == records)
    }

    @Test("records that were never sent have the file's producer, stable while records wait, and their number")
    func producer() async throws {
        let harness = try JournalHarness()
        let producer = harness.journal.producer
        #expect(producer.count == 16)
        #expect(producer.allSatisfy { "0123456789abcdef".contains($0) })
        try await harness.journal.append("a")
        try await harness.reopen()
        try await harness.journal.append("b")
        #expect(harness.journal.producer == producer)
        let identities = try await harness.journal.all().map(\.identity)
        #expect(identities == (1...2).map { BatchIdentity(producer: producer, sequence: $0) })
        try await harness.journal.remove(through: 2)
        try await harness.reopen()
        #expect(harness.journal.producer != producer, "a copy that is put back must not go on under used numbers")
    }

    @Test("next returns at most the given number of records behind a number")
    func next() async throws {
        let harness = try JournalHarness()
        for number in 1...10 { try await harness.journal.append("\(number)") }
        #expect(try await harness.journal.next(after: 0, atMost: 3).map(\.number) == [1, 2, 3])
        #expect(try await harness.journal.next(after: 3, atMost: 3).map(\.number) == [4, 5, 6])
        #expect(try await harness.journal.next(after: 9, atMost: 3).map(\.number) == [10])
        #expect(try await harness.journal.next(after: 10, atMost: 3).isEmpty)
        #expect(try await harness.journal.next(after: 0, atMost: 0).isEmpty)
    }

    @Test("remove deletes the records up to a number, and numbers are never reused, not even after reopening empty")
    func remove() async throws {
        let harness = try JournalHarness()
        for number in 1...10 { try await harness.journal.append("\(number)", operations: number) }
        try await harness.journal.remove(through: 4)
        #expect(try await harness.journal.all().map(\.number) == Array(5...10))
        #expect(harness.journal.depth == Journal.Depth(operations: 45, records: 6))
        try await harness.journal.remove(through: 4)
        #expect(harness.journal.depth == Journal.Depth(operations: 45, records: 6))
        try await harness.journal.remove(through: 1_000)
        #expect(harness.journal.isEmpty)
        try await harness.reopen()
        #expect(harness.journal.isEmpty)
        try await harness.journal.append("11")
        #expect(try await harness.journal.all().map(\.number) == [11])
    }

    @Test("an append beyond the capacity is refused at once and drops nothing, and removing makes room")
    func capacity() async throws {
        let harness = try JournalHarness(capacity: 10)
        try await harness.journal.append("a", operations: 6)
        try await harness.journal.append("b", operations: 4)
        await #expect(throws: JournalError.full(capacity: 10)) { try await harness.journal.append("c") }
        try await harness.journal.remove(through: 1)
        await #expect(throws: JournalError.full(capacity: 10)) { try await harness.journal.append("d", operations: 7) }
        try await harness.journal.append("e", operations: 6)
        #expect(try await harness.journal.all().map(\.payload) == ["b", "e"])
        #expect(harness.journal.depth.lastError == nil)
        // A capacity below the present depth loses nothing either.
        try await harness.reopen(capacity: 5)
        #expect(harness.journal.depth.operations == 10)
        await #expect(throws: JournalError.full(capacity: 5)) { try await harness.journal.append("f") }
        #expect(try await harness.journal.all().map(\.payload) == ["b", "e"])
    }

    @Test("queued records count towards the capacity")
    func capacityOfQueued() async throws {
        let harness = try JournalHarness(capacity: 100)
        let outcomes = await harness.journal.append(all: (1...300).map(String.init))
        #expect(outcomes.count { (try? $0.get()) != nil } == 100)
        for case .failure(let error) in outcomes { #expect(error == .full(capacity: 100)) }
        #expect(try await harness.journal.all().count == 100)
        #expect(harness.journal.depth == Journal.Depth(operations: 100, records: 100))
    }

    @Test("a rejected record moves to the table rejected, with its reason")
    func reject() async throws {
        let harness = try JournalHarness()
        try await harness.journal.append("good")
        try await harness.journal.append("bad", operations: 5, identity: BatchIdentity(producer: "p", sequence: 9))
        let bad = try await harness.journal.all()[1]
        try await harness.journal.reject(bad, because: "Redis said no")
        try await harness.journal.reject(bad, because: "again")
        #expect(try await harness.journal.all().map(\.payload) == ["good"])
        #expect(harness.journal.depth == Journal.Depth(operations: 1, records: 1, rejected: 1))
        let rows = try await harness.journal.database.read { database in
            try String.fetchAll(
                database,
                sql: """
                    SELECT number || ',' || producer || ',' || sequence || ',' || operations || ',' || reason || ','
                    || CAST(payload AS TEXT)
                    FROM rejected WHERE rejected_at >= accepted_at
                    """)
        }
        #expect(rows == ["2,p,9,5,Redis said no,bad"])
        try await harness.reopen()
        #expect(harness.journal.depth == Journal.Depth(operations: 1, records: 1, rejected: 1))
    }

    @Test("the newest 1000 rejected records are stored, and all are counted")
    func rejectedKept() async throws {
        let harness = try JournalHarness()
        _ = await harness.journal.append(all: (1...1_010).map(String.init))
        for record in try await harness.journal.all() { try await harness.journal.reject(record, because: "no") }
        let numbers = try await harness.journal.database.read { database in
            try Int.fetchAll(database, sql: "SELECT number FROM rejected ORDER BY number")
        }
        #expect(numbers == Array(11...1_010))
        #expect(harness.journal.isEmpty)
        try await harness.reopen()
        #expect(harness.journal.depth == Journal.Depth(rejected: 1_010))
    }

    @Test("the depth includes records on their way to the disk")
    func depth() async throws {
        let harness = try JournalHarness()
        #expect(harness.journal.isEmpty)
        #expect(harness.journal.depth == Journal.Depth())
        async let appended: Void = withCheckedContinuation { continuation in
            harness.journal.append("a", operations: 2, identity: nil) { _ in continuation.resume() }
            #expect(!harness.journal.isEmpty)
            #expect(harness.journal.depth == Journal.Depth(operations: 2, records: 1))
        }
        await appended
        #expect(!harness.journal.isEmpty)
        #expect(harness.journal.depth == Journal.Depth(operations: 2, records: 1))
    }

    @Test("close writes what was appended, and later calls fail")
    func closing() async throws {
        let harness = try JournalHarness()
        let appended = ResultLog()
        for number in 1...50 {
            harness.journal.append("\(number)", operations: 1, identity: nil, completion: appended.add)
        }
        await harness.journal.close()
        #expect(appended.results.count { (try? $0.get()) != nil } == 50)
        await harness.journal.close()
        await #expect(throws: JournalError.closed) { try await harness.journal.append("late") }
        await #expect(throws: JournalError.closed) { _ = try await harness.journal.all() }
        await #expect(throws: JournalError.closed) { try await harness.journal.remove(through: 1) }
        try await harness.reopen()
        #expect(try await harness.journal.all().map(\.payload) == (1...50).map(String.init))
    }
}
