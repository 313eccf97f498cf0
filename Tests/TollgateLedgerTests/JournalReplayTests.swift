import GRDB
import Logging
import Synchronization
import Testing
import TollgateTestSupport

@testable import TollgateLedger

/// Tests of records that Redis answers with errors.
@Suite struct JournalReplayTests {
    /// Answers the first record with errors, and counts them.
    private final class Faulty: Sendable {
        let failures = Atomic<Int>(0)
        let sent = Mutex<[Int64]>([])
        let othersAreAnswered: Bool

        init(othersAreAnswered: Bool) {
            self.othersAreAnswered = othersAreAnswered
        }

        func send(_ record: Journal.Record) -> JournalReplay.Outcome {
            guard record.number == 1 else {
                sent.withLock { $0.append(record.number) }
                return .applied
            }
            let count = failures.add(1, ordering: .relaxed).newValue
            return .failing("ERR no such thing", others: othersAreAnswered ? count : 7)
        }
    }

    private func replay(_ faulty: Faulty, _ harness: JournalHarness) -> Task<Void, Never> {
        var replay = JournalReplay(
            journal: harness.journal, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            lastApplied: { _ in 0 }, send: { faulty.send($0) }, onReplayed: { _ in })
        replay.longPause = .milliseconds(1)
        let (kept, _) = AsyncStream.makeStream(of: Void.self)
        return Task { [replay] in await replay.run(whenJournaled: kept) }
    }

    @Test("a record that fails repeatedly while others are answered is rejected, and those behind it are replayed")
    func poison() async throws {
        let harness = try JournalHarness()
        for payload in ["a", "b", "c"] { try await harness.journal.append(payload) }
        let faulty = Faulty(othersAreAnswered: true)
        let task = replay(faulty, harness)
        try await eventually { harness.journal.isEmpty }
        #expect(faulty.failures.load(ordering: .relaxed) == JournalReplay.maxFailures)
        #expect(faulty.sent.withLock { $0 } == [2, 3])
        #expect(harness.journal.depth.rejected == 1)
        #expect(!harness.journal.hasBacklog)
        task.cancel()
        await task.value
    }

    @Test("while Redis answers nothing else either, the journal waits, in order")
    func everythingFails() async throws {
        let harness = try JournalHarness()
        for payload in ["a", "b"] { try await harness.journal.append(payload) }
        let faulty = Faulty(othersAreAnswered: false)
        let task = replay(faulty, harness)
        try await eventually { faulty.failures.load(ordering: .relaxed) > 3 * JournalReplay.maxFailures }
        task.cancel()
        await task.value
        #expect(faulty.sent.withLock { $0 } == [])
        #expect(harness.journal.depth == Journal.Depth(operations: 2, records: 2))
        #expect(harness.journal.hasBacklog)
    }

    @Test("only the operations of a record that cannot be applied are rejected")
    func part() async throws {
        let harness = try JournalHarness()
        func payload(_ costs: Int...) -> String {
            "["
                + costs.map { "{\"amounts\":{\"cost\":\($0)},\"scopes\":[\"user:a\"],\"verb\":\"record\"}" }
                .joined(separator: ",") + "]"
        }
        try await harness.journal.append(payload(1, 2, 3), operations: 3)
        let replay = JournalReplay(
            journal: harness.journal, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            lastApplied: { _ in 0 }, send: { _ in .impossible("no", operations: [1]) }, onReplayed: { _ in })
        let (kept, _) = AsyncStream.makeStream(of: Void.self)
        let task = Task { await replay.run(whenJournaled: kept) }
        try await eventually { harness.journal.isEmpty }
        task.cancel()
        await task.value
        #expect(harness.journal.depth == Journal.Depth(operations: 0, records: 0, rejected: 1))
        let rejected = try await harness.otherConnection().read {
            try String.fetchOne($0, sql: "SELECT operations || CAST(payload AS TEXT) FROM rejected")
        }
        #expect(rejected == "1" + payload(2))
    }
}
