import GRDB
import Synchronization
import TollgateTestSupport

@testable import TollgateLedger

/// A journal in its own temporary folder, which can be closed and opened again.
final class JournalHarness {
    let path: String
    private(set) var journal: Journal
    private let folder: TemporaryFolder

    init(capacity: Int = 1_000_000) throws {
        folder = try TemporaryFolder()
        path = folder.path + "/journal"
        journal = try Journal(path: path, capacity: capacity)
    }

    func reopen(capacity: Int = 1_000_000) async throws {
        await journal.close()
        journal = try Journal(path: path, capacity: capacity)
    }

    /// Opens another connection to the file, as another program would.
    func otherConnection() throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        return try DatabaseQueue(path: path, configuration: configuration)
    }
}

extension Journal {
    func append(_ payload: String, operations: Int = 1, identity: BatchIdentity? = nil) async throws(JournalError) {
        let outcome = await withCheckedContinuation { continuation in
            append(payload, operations: operations, identity: identity) { continuation.resume(returning: $0) }
        }
        try outcome.get()
    }

    /// Appends all payloads at once, and returns their results.
    func append(all payloads: [String]) async -> [Result<Void, JournalError>] {
        await withTaskGroup(of: (Int, Result<Void, JournalError>).self) { group in
            for (index, payload) in payloads.enumerated() {
                group.addTask {
                    let outcome = await withCheckedContinuation { continuation in
                        self.append(payload, operations: 1, identity: nil) { continuation.resume(returning: $0) }
                    }
                    return (index, outcome)
                }
            }
            var outcomes = [Result<Void, JournalError>](repeating: .failure(.closed), count: payloads.count)
            for await (index, outcome) in group { outcomes[index] = outcome }
            return outcomes
        }
    }

    func all() async throws(JournalError) -> [Record] { try await next(after: 0, atMost: .max) }
}

/// Counts the transactions that a connection has committed.
final class CommitCounter: TransactionObserver, Sendable {
    private let commits = Atomic<Int>(0)

    var count: Int { commits.load(ordering: .relaxed) }

    func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool { true }
    func databaseDidChange(with event: DatabaseEvent) {}
    func databaseDidCommit(_ database: Database) { commits.add(1, ordering: .relaxed) }
    func databaseDidRollback(_ database: Database) {}
}

/// The results of appends, in the order of their completions.
final class ResultLog: Sendable {
    private let log = Mutex<[Result<Void, JournalError>]>([])

    var results: [Result<Void, JournalError>] { log.withLock { $0 } }

    @Sendable func add(_ result: Result<Void, JournalError>) {
        log.withLock { $0.append(result) }
    }
}
