import Dispatch
import Foundation
import GRDB
import Synchronization
package import TollgateCore

/// A file that stores the operations Redis could not take, in the order they arrived, until they have been replayed. It
/// does not interpret them.
///
/// Usable from any thread, event loops included: all disk access is on the journal's own queue. Operations that arrive
/// while a transaction is being written share the next transaction, and its wait for the disk.
///
/// A file belongs to one journal at a time. Another process that opens it breaks nothing, but makes writers wait. If
/// the file is removed, the journal recreates it with all waiting records; if another file takes its name, the journal
/// accepts no more.
package final class Journal: Sendable {
    /// The producer name of records that were never sent under another identity. It does not change while records wait.
    package let producer: String
    /// The keys of reservation tokens that were stored last, when the file was opened.
    let reservationKeys: [String]
    /// The records in the file when it was opened.
    let earlier: Earlier
    /// The sums of the waiting usage. Callers that append and replay keep them up to date.
    package let waiting: WaitingUsage
    private let path: String
    /// The queue of everything that uses the file.
    private let queue = DispatchQueue(label: "journal")
    private let file: Mutex<JournalFile>
    private let spare: JournalSpare
    private let state: Mutex<JournalState>
    /// A copy of `hasBacklog` in `state`, which every operation that subtracts usage reads.
    private let backlog: Atomic<Bool>

    /// Opens the file, or creates it; its folder has to exist. Reads the whole file once.
    ///
    /// - Parameters:
    ///   - capacity: The maximum number of stored operations.
    ///   - moneyUnit: The unit of the costs that are added, and of the sums of the waiting usage.
    /// - Throws: ``JournalError/unusable(path:reason:)``, ``JournalError/noRoom(path:)``, ``JournalError/storage(_:)``.
    package init(path: String, capacity: Int, moneyUnit: MoneyUnit = .nano) throws(JournalError) {
        let spare = JournalSpare(besideJournal: path)
        let file = try JournalFile.open(path, spare, moneyUnit)
        let found = try JournalError.catching(path) {
            try file.database.writeWithoutTransaction { try JournalTable.open(in: $0) }
        }
        if found.depth.records == 0 { spare.reserve() }
        self.path = path
        self.spare = spare
        waiting = WaitingUsage(in: moneyUnit)
        self.file = Mutex(file)
        producer = found.producer
        reservationKeys = found.reservationKeys
        earlier = found.earlier
        state = Mutex(JournalState(capacity: capacity, depth: found.depth, acceptedAt: found.acceptedAt))
        backlog = Atomic(found.depth.records > 0)
    }

    /// The connection to the file. It changes when the file is recreated.
    var database: DatabaseQueue { file.withLock { $0.database } }

    /// Appends a record after all waiting ones. Records keep the order of the calls.
    ///
    /// - Parameters:
    ///   - operations: The number of operations in the payload, at least 1.
    ///   - identity: The identity under which they were sent to Redis; nil if they were not sent.
    ///   - isBarrier: Whether there is a backlog until the record has been replayed.
    ///   - completion: Called once: with success when the record is safe on disk, else with an error and the record
    ///     is not stored. ``JournalError/full(capacity:)`` and ``JournalError/closed`` are reported before this
    ///     returns, all else on the journal's queue in the order of the calls.
    package func append(
        _ payload: String, operations: Int, identity: BatchIdentity?, isBarrier: Bool = true,
        completion: @escaping @Sendable (Result<Void, JournalError>) -> Void
    ) {
        precondition(operations >= 1, "a record holds at least one operation")
        let entry = JournalState.Entry(
            identity: identity, operations: operations, payload: payload, acceptedAt: Self.now, isBarrier: isBarrier,
            completion: completion)
        let admission = state.withLock { state in
            let admission = state.admit(entry)
            publish(state)
            return admission
        }
        switch admission {
        case .refused(let error): completion(.failure(error))
        case .queued: break
        case .first: queue.async { self.writeQueued() }
        }
    }

    /// Returns the first records with numbers above the given one, in order. Records whose append has not completed may be
    /// missing.
    ///
    /// - Parameter operations: The maximum number of operations in all of them, unless the first record alone has more.
    package func next(
        after number: Int64, atMost records: Int, operations: Int = .max
    ) async throws(JournalError) -> [Record] {
        try await onQueue { database in
            self.reporting {
                try JournalTable.records(
                    after: number, atMost: records, operations: operations, producer: self.producer, in: database)
            }
        }
    }

    /// Returns the number of the last record that an earlier process may have sent under the journal's producer; 0 if there
    /// is none.
    ///
    /// Records are sent in order, one call at a time, so it is the first record after the last one that Redis has
    /// applied.
    ///
    /// - Parameter number: The last number that Redis has applied.
    func lastPossiblySent(applied number: Int64) async throws(JournalError) -> Int64 {
        guard earlier.last > 0 else { return 0 }
        return try await onQueue { database in
            self.reporting {
                let next = try JournalTable.nextUnsent(after: number, in: database)
                return min(next ?? number, self.earlier.last)
            }
        }
    }

    /// Removes the replayed records up to and including a number, and stores which of the others are sent together. Does
    /// both, or neither if the disk takes nothing.
    func advance(past number: Int64, joining groups: [ClosedRange<Int64>]) async throws(JournalError) {
        try await onQueue { database in
            self.transact(in: database) {
                for group in groups { try JournalTable.join(group, in: database) }
                return try JournalTable.remove(through: number, in: database)
            } onCommit: { state, removed in
                state.remove(records: removed.records, operations: removed.operations)
            }
        }
    }

    /// Deletes a stored group, so that its records are sent one by one. The group must be neither applied nor in flight.
    func separate(_ group: ClosedRange<Int64>) async throws(JournalError) {
        try await onQueue { database in
            self.transactMakingRoom(in: database) { try JournalTable.separate(group, in: database) }
        }
    }

    /// Removes the replayed records up to and including a number. It waits for the disk, so it is meant for many
    /// records at a time.
    package func remove(through number: Int64) async throws(JournalError) {
        try await onQueue { database in
            let outcome = self.transactMakingRoom(in: database) {
                try JournalTable.remove(through: number, in: database)
            } onCommit: { state, removed in
                state.remove(records: removed.records, operations: removed.operations)
            }
            if self.isEmpty { self.shrink(database) }
            return outcome
        }
    }

    /// Moves a record that Redis will never take to the table `rejected`, for the operator; the table keeps the newest
    /// 1000. Does nothing if the record no longer waits. Records that were sent as one are rejected as one.
    ///
    /// - Parameter part: The operations that were not applied; nil for all of the record.
    package func reject(_ record: Record, part: Record.Part? = nil, because reason: String) async throws(JournalError) {
        let now = Self.now
        var rejected = record
        if let part { (rejected.operations, rejected.payload) = (part.operations, part.payload) }
        try await onQueue { [rejected] database in
            self.transactMakingRoom(in: database) {
                try JournalTable.reject(rejected, because: reason, at: now, in: database)
            } onCommit: { state, removed in
                guard removed > 0 else { return }
                state.remove(records: removed, operations: record.operations)
                state.depth.rejected += 1
            }
        }
    }

    /// Stores the keys of reservation tokens for a sidecar that starts during a Redis outage. If the disk does not take
    /// them, that sidecar has to wait for Redis.
    func store(reservationKeys: [String]) {
        queue.async {
            self.database.writeWithoutTransaction { database in
                guard database.sqliteConnection != nil else { return }
                try? JournalTable.store(reservationKeys: reservationKeys, in: database)
            }
        }
    }

    /// The numbers of waiting and rejected records, and the last error. Reads no disk.
    package var depth: Depth { state.withLock { $0.depth } }

    /// Whether barriers, or records of an earlier process, wait to be replayed.
    package var hasBacklog: Bool { backlog.load(ordering: .acquiring) }

    /// Counts the next records as replayed. They may still be on disk.
    func noteReplayed(records: Int, operations: Int) {
        update { state in
            state.replayed += records
            state.rate.note(operations, at: Self.now)
        }
    }

    /// The age of the oldest waiting record; nil if none waits.
    package var oldestAge: Duration? {
        state.withLock { $0.oldestAt }.map { .milliseconds(max(Self.now - $0, 0)) }
    }

    /// The number of operations replayed per second, averaged over the last ten seconds.
    package var replayedPerSecond: Double { state.withLock { $0.rate.perSecond(at: Self.now) } }

    /// Whether no record waits, neither on disk nor on its way there.
    package var isEmpty: Bool { depth.records == 0 }

    /// Writes what has been appended and closes the file. Later calls fail with ``JournalError/closed``.
    package func close() async {
        state.withLock { $0.isClosed = true }
        await withCheckedContinuation { continuation in
            queue.async {
                self.writeQueued()
                // The next process that opens the file has to find the waiting records.
                if self.database.isOpen { _ = self.ensureFileExists() }
                try? self.database.close()
                continuation.resume()
            }
        }
    }

    /// Checks the file, which may have been removed while nothing was written. Returns the depth after that.
    package func check() async -> Depth {
        await withCheckedContinuation { continuation in
            queue.async {
                if self.database.isOpen { _ = self.ensureFileExists() }
                continuation.resume(returning: self.depth)
            }
        }
    }

    /// The number of unused pages (4 KiB each) that the file may keep.
    private static let maxFreePages = 64

    private static var now: Int64 { Int64(Date().timeIntervalSince1970 * 1_000) }
}

// MARK: - On the journal's queue

extension Journal {
    /// Writes all queued entries in one transaction and completes them.
    private func writeQueued() {
        let entries = state.withLock { $0.takeQueued() }
        guard !entries.isEmpty else { return }
        let outcome = ensureFileExists().flatMap {
            database.writeWithoutTransaction { database in
                transact(in: database) {
                    for entry in entries { try JournalTable.insert(entry, in: database) }
                }
            }
        }
        if case .failure = outcome {
            update { $0.withdraw(entries) }
        }
        for entry in entries { entry.completion(outcome) }
    }

    /// Runs the body in a transaction, and updates the state with its result once it is on disk.
    private func transact<Value>(
        in database: Database, _ body: () throws -> Value,
        onCommit: (inout JournalState, Value) -> Void = { _, _ in }
    ) -> Result<Void, JournalError> {
        reporting {
            var value: Value?
            try database.inTransaction(.immediate) {
                value = try body()
                return .commit
            }
            update { state in
                if let value { onCommit(&state, value) }
                if !state.isFileLost { state.depth.lastError = nil }
            }
        }
    }

    /// Runs a transaction that removes records. On a full disk it runs it again with the spare room.
    private func transactMakingRoom<Value>(
        in database: Database, _ body: () throws -> Value,
        onCommit: (inout JournalState, Value) -> Void = { _, _ in }
    ) -> Result<Void, JournalError> {
        let outcome = transact(in: database, body, onCommit: onCommit)
        guard case .failure(.noRoom) = outcome, spare.release() else { return outcome }
        _ = try? database.checkpoint(.truncate)
        return transact(in: database, body, onCommit: onCommit)
    }

    /// Shrinks an empty journal's file, and reserves the spare room again.
    private func shrink(_ database: Database) {
        if let pages = try? Int.fetchOne(database, sql: "PRAGMA freelist_count"), pages > Self.maxFreePages {
            try? database.execute(sql: "VACUUM")
            _ = try? database.checkpoint(.truncate)
        }
        spare.reserve()
    }

    /// Checks that the file still has its name, and recreates it if not.
    private func ensureFileExists() -> Result<Void, JournalError> {
        let outcome = reporting {
            try file.withLock { file in
                // The file may be removed again while it is recreated, so a second attempt follows.
                do { return try file.recreateIfMissing() } catch { return try file.recreateIfMissing() }
            }
        }
        update { state in
            if case .success(let isRemade) = outcome, isRemade {
                state.depth.remade += 1
                state.depth.lastError = nil
            }
            if case .failure = outcome { state.isFileLost = true } else { state.isFileLost = false }
        }
        return outcome.map { _ in }
    }

    /// Runs the body, and stores its error in the depth until something has been written again.
    private func reporting<Value>(_ body: () throws -> Value) -> Result<Value, JournalError> {
        let outcome = Result { () throws(JournalError) in try JournalError.catching(path, body) }
        if case .failure(let error) = outcome { update { $0.depth.lastError = "\(error)" } }
        return outcome
    }

    private func update(_ change: (inout JournalState) -> Void) {
        state.withLock { state in
            change(&state)
            publish(state)
        }
    }

    private func publish(_ state: JournalState) {
        backlog.store(state.hasBacklog, ordering: .releasing)
    }

    private func onQueue<Value: Sendable>(
        _ body: @escaping @Sendable (Database) -> Result<Value, JournalError>
    ) async throws(JournalError) -> Value {
        let outcome = await withCheckedContinuation { continuation in
            queue.async {
                // A file that cannot be recreated is still readable: its records are replayed while this process lives.
                if self.database.isOpen { _ = self.ensureFileExists() }
                let outcome = self.database.writeWithoutTransaction { database in
                    database.sqliteConnection == nil ? .failure(.closed) : body(database)
                }
                continuation.resume(returning: outcome)
            }
        }
        return try outcome.get()
    }
}
