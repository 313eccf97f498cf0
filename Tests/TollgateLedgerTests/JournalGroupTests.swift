import Foundation
import GRDB
import Synchronization
import Testing
import TollgateTestSupport

@testable import TollgateLedger

/// Tests of appends that come faster than the disk takes them.
@Suite struct JournalGroupTests {
    private static let threads = 20
    private static let perThread = 100

    /// Appends "thread index" from all threads at once, and waits for the completions.
    private func appendFromThreads(to journal: Journal, into log: ResultLog) async throws {
        for thread in 0..<Self.threads {
            DispatchQueue(label: "appender \(thread)").async {
                for index in 0..<Self.perThread {
                    journal.append("\(thread) \(index)", operations: 1, identity: nil, completion: log.add)
                }
            }
        }
        try await eventually { log.results.count == Self.threads * Self.perThread }
    }

    @Test("appends of many threads share transactions, and those of each thread stay in order")
    func groups() async throws {
        let harness = try JournalHarness()
        let counter = CommitCounter()
        harness.journal.database.add(transactionObserver: counter, extent: .databaseLifetime)
        let log = ResultLog()
        try await appendFromThreads(to: harness.journal, into: log)
        #expect(log.results.allSatisfy { (try? $0.get()) != nil })
        #expect(counter.count <= Self.threads * Self.perThread / 4, "\(counter.count) transactions")
        let payloads = try await harness.journal.all().map(\.payload)
        #expect(payloads.count == Self.threads * Self.perThread)
        for thread in 0..<Self.threads {
            let own = payloads.filter { $0.hasPrefix("\(thread) ") }
            #expect(own == (0..<Self.perThread).map { "\(thread) \($0)" })
        }
    }

    @Test("completions come in the order of the appends, once the record can be read")
    func completions() async throws {
        let harness = try JournalHarness()
        let other = try harness.otherConnection()
        let seen = Mutex<[(number: Int, isStored: Bool)]>([])
        for number in 1...200 {
            harness.journal.append("\(number)", operations: 1, identity: nil) { _ in
                let last = try? other.read { try Int.fetchOne($0, sql: "SELECT max(number) FROM waiting") }
                seen.withLock { $0.append((number, last ?? 0 >= number)) }
            }
        }
        try await eventually { seen.withLock { $0.count } == 200 }
        #expect(seen.withLock { $0.map(\.number) } == Array(1...200))
        #expect(seen.withLock { $0.allSatisfy(\.isStored) })
    }

    @Test("a completion may append")
    func appendingInCompletion() async throws {
        let harness = try JournalHarness()
        let journal = harness.journal
        await withCheckedContinuation { continuation in
            journal.append("a", operations: 1, identity: nil) { _ in
                journal.append("b", operations: 1, identity: nil) { _ in continuation.resume() }
            }
        }
        #expect(try await harness.journal.all().map(\.payload) == ["a", "b"])
    }

    @Test("appends wait for another process that locks the file for a while")
    func busy() async throws {
        let harness = try JournalHarness()
        let other = try harness.otherConnection()
        let isHeld = DispatchSemaphore(value: 0)
        DispatchQueue(label: "other process").async {
            try? other.inTransaction(.immediate) { _ in
                isHeld.signal()
                Thread.sleep(forTimeInterval: 0.3)
                return .rollback
            }
        }
        isHeld.wait()
        try await harness.journal.append("a")
        #expect(try await harness.journal.all().map(\.payload) == ["a"])
    }

    @Test(
        "a failed transaction fails all its appends, stores none, and is reported until the next one succeeds"
    )
    func failedGroup() async throws {
        let harness = try JournalHarness()
        let other = try harness.otherConnection()
        try await other.write { database in
            try database.execute(
                sql: """
                    CREATE TRIGGER fault BEFORE INSERT ON waiting WHEN NEW.payload = CAST('bad' AS BLOB)
                    BEGIN SELECT raise(ABORT, 'a fault'); END
                    """)
        }
        let log = ResultLog()
        // A completion runs on the journal's queue, so the next transaction begins after it, with both appends.
        harness.journal.append("before", operations: 2, identity: nil) { [journal = harness.journal] _ in
            journal.append("good", operations: 1, identity: nil, completion: log.add)
            journal.append("bad", operations: 1, identity: nil, completion: log.add)
        }
        try await eventually { log.results.count == 2 }
        for result in log.results {
            #expect(throws: JournalError.self) { try result.get() }
        }
        #expect(harness.journal.depth.lastError?.contains("a fault") == true)
        #expect(harness.journal.depth.operations == 2)
        #expect(try await harness.journal.all().map(\.payload) == ["before"])
        try await harness.journal.append("after")
        #expect(harness.journal.depth == Journal.Depth(operations: 3, records: 2))
        #expect(try await harness.journal.all().map(\.payload) == ["before", "after"])
    }
}
