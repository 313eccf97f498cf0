import Dispatch
import Foundation
import GRDB
import Synchronization

/// Keeps operations that could not reach Redis, on disk and in the order they came, until they have been replayed. Knows
/// nothing of what they say.
///
/// Usable from any thread, event loops included: nothing here waits for the disk but on the journal's own queue. What comes
/// while a transaction is under way goes into the next one together, so that all of it shares one wait for the disk.
///
/// One journal holds a file at a time. Another process that opens it too breaks nothing, but makes writers wait for it. Where the
/// file is taken away meanwhile, it is made anew with all that waits; where another one has its name, nothing more is kept.
package final class Journal: Sendable {
    /// The producer of what was never sent under another identity; the same for as long as anything waits.
    package let producer: String
    /// The keys of tokens as they were kept last, in the life of the file before this.
    let reservationKeys: [String]
    /// What waited when the file was opened.
    let earlier: Earlier
    /// The sums of what waits, kept by those who append and replay.
    package let waiting = WaitingUsage()
    private let path: String
    /// Runs everything that uses the file.
    private let queue = DispatchQueue(label: "journal")
    private let file: Mutex<JournalFile>
    private let spare: JournalSpare
    private let state: Mutex<JournalState>
    /// As in `state`: asked for every operation that takes back.
    private let backlog: Atomic<Bool>

    /// Opens the file, or makes it where there is none; its folder has to be there. Reads all of the file once.
    ///
    /// - Parameter capacity: the most operations held.
    /// - Throws: ``JournalError/unusable(path:reason:)`` for a file that is something else, or damaged,
    ///   ``JournalError/noRoom(path:)`` and ``JournalError/storage(_:)``.
    package init(path: String, capacity: Int) throws(JournalError) {
        let spare = JournalSpare(besideJournal: path)
        let file = try Self.open(path, spare)
        let (producer, reservationKeys, depth, acceptedAt, earlier) = try JournalError.catching(path) {
            try file.database.writeWithoutTransaction { database in
                let depth = try JournalTable.depth(of: database)
                if depth.records == 0 { JournalTable.renewProducer(in: database) }
                return (
                    try JournalTable.producer(in: database), try JournalTable.reservationKeys(in: database), depth,
                    try JournalTable.acceptedAt(in: database),
                    Earlier(
                        last: try JournalTable.last(in: database), groups: try JournalTable.groups(in: database))
                )
            }
        }
        if depth.records == 0 { spare.take() }
        self.path = path
        self.spare = spare
        self.file = Mutex(file)
        self.producer = producer
        self.reservationKeys = reservationKeys
        self.earlier = earlier
        state = Mutex(JournalState(capacity: capacity, depth: depth, acceptedAt: acceptedAt))
        backlog = Atomic(depth.records > 0)
    }

    /// On a full disk there is no room either for what opening writes.
    private static func open(_ path: String, _ spare: JournalSpare) throws(JournalError) -> JournalFile {
        do throws(JournalError) {
            return try JournalFile(path: path)
        } catch {
            guard case .noRoom = error, spare.giveBack() else { throw error }
            return try JournalFile(path: path)
        }
    }

    /// The connection to the file; another one once that has been made anew.
    var database: DatabaseQueue { file.withLock { $0.database } }

    /// Puts operations behind all that wait. The order of the calls is that of the records.
    ///
    /// - Parameters:
    ///   - operations: how many the payload holds, at least 1.
    ///   - identity: what they were sent to Redis as already; nil when they were not.
    ///   - isBarrier: whether there is a backlog until they have been replayed.
    ///   - completion: called once, with success when they are on disk to stay, and otherwise nothing of them is kept.
    ///     ``JournalError/full(capacity:)`` and ``JournalError/closed`` are told before this returns, everything else on the
    ///     journal's queue, in the order of the calls.
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

    /// The first records whose number is above the given one, in order; those whose append has not completed may be missing.
    ///
    /// - Parameter operations: the most operations of all of them, unless the first record alone has more.
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

    /// The last record that an earlier life of the sidecar may have sent under the journal's own producer, of which Redis has applied
    /// that number last: records are sent in their order, one call at a time, so that it is the first behind it. 0 for none.
    func lastPerhapsSent(applied number: Int64) async throws(JournalError) -> Int64 {
        guard earlier.last > 0 else { return 0 }
        return try await onQueue { database in
            self.reporting {
                let next = try JournalTable.nextUnsent(after: number, in: database)
                return min(next ?? number, self.earlier.last)
            }
        }
    }

    /// Lets go of the records up to and including that number, which have been replayed, and writes down which of those behind it
    /// are sent together. Does both or, where the disk takes nothing, neither.
    func advance(past number: Int64, joining groups: [ClosedRange<Int64>]) async throws(JournalError) {
        try await onQueue { database in
            self.transact(in: database) {
                for group in groups { try JournalTable.join(group, in: database) }
                return try JournalTable.remove(through: number, in: database)
            } settle: { state, removed in
                state.remove(records: removed.records, operations: removed.operations)
            }
        }
    }

    /// Forgets a group, so that its records are sent one by one. Only for one that was not applied, and is not on its way either.
    func separate(_ group: ClosedRange<Int64>) async throws(JournalError) {
        try await onQueue { database in
            self.transactMakingRoom(in: database) { try JournalTable.separate(group, in: database) }
        }
    }

    /// Lets go of the records up to and including that number, which have been replayed. Costs a wait for the disk: meant for
    /// many records at a time.
    package func remove(through number: Int64) async throws(JournalError) {
        try await onQueue { database in
            let outcome = self.transactMakingRoom(in: database) {
                try JournalTable.remove(through: number, in: database)
            } settle: { state, removed in
                state.remove(records: removed.records, operations: removed.operations)
            }
            if self.isEmpty { self.tidyUp(database) }
            return outcome
        }
    }

    /// Sets a record that Redis will never take aside, into the table `rejected`, for a person to look at; it keeps the newest
    /// 1000. Does nothing when the record waits no longer. Records that were sent as one are set aside as one.
    ///
    /// - Parameter part: what of it was not applied; nil for all of it.
    package func reject(_ record: Record, part: Record.Part? = nil, because reason: String) async throws(JournalError) {
        let now = Self.now
        var kept = record
        if let part { (kept.operations, kept.payload) = (part.operations, part.payload) }
        let rejected = kept
        try await onQueue { database in
            self.transactMakingRoom(in: database) {
                try JournalTable.reject(rejected, because: reason, at: now, in: database)
            } settle: { state, removed in
                guard removed > 0 else { return }
                state.remove(records: removed, operations: record.operations)
                state.depth.rejected += 1
            }
        }
    }

    /// Keeps the keys of tokens, so that a sidecar which starts while Redis is away knows them. Where the disk does not take them
    /// that sidecar has to wait for Redis.
    func keep(reservationKeys: [String]) {
        queue.async {
            self.database.writeWithoutTransaction { database in
                guard database.sqliteConnection != nil else { return }
                try? JournalTable.keep(reservationKeys: reservationKeys, in: database)
            }
        }
    }

    /// What waits, what was rejected, and what went wrong last. Asks no disk.
    package var depth: Depth { state.withLock { $0.depth } }

    /// Whether records wait that were appended as barriers, or in another life of the file, and have not been replayed.
    package var hasBacklog: Bool { backlog.load(ordering: .acquiring) }

    /// The next records have been replayed; they may still be there.
    func noteReplayed(records: Int, operations: Int) {
        settle { state in
            state.replayed += records
            state.rate.note(operations, at: Self.now)
        }
    }

    /// How long the oldest of what waits has waited; nil where nothing does.
    package var oldestAge: Duration? {
        state.withLock { $0.oldestAt }.map { .milliseconds(max(Self.now - $0, 0)) }
    }

    /// Operations replayed a second, on average over the last ten.
    package var replayedPerSecond: Double { state.withLock { $0.rate.perSecond(at: Self.now) } }

    /// Whether no record waits, neither on disk nor on its way there.
    package var isEmpty: Bool { depth.records == 0 }

    /// Writes what has been appended, and lets go of the file. Everything after that fails with ``JournalError/closed``.
    package func close() async {
        state.withLock { $0.isClosed = true }
        await withCheckedContinuation { continuation in
            queue.async {
                self.writeQueued()
                // What waits is to be found by the next one that opens the file.
                if self.database.isOpen { _ = self.keepFile() }
                try? self.database.close()
                continuation.resume()
            }
        }
    }

    /// What a file may keep that it does not use, in pages of 4 KiB.
    private static let usualPages = 64

    private static var now: Int64 { Int64(Date().timeIntervalSince1970 * 1_000) }
}

extension Journal {
    /// Writes all that is queued in one transaction, and says how that went.
    private func writeQueued() {
        let group = state.withLock { $0.takeQueued() }
        guard !group.isEmpty else { return }
        let outcome = keepFile().flatMap {
            database.writeWithoutTransaction { database in
                transact(in: database) {
                    for entry in group { try JournalTable.insert(entry, in: database) }
                }
            }
        }
        if case .failure = outcome {
            settle { $0.takeBack(group) }
        }
        for entry in group { entry.completion(outcome) }
    }

    /// Runs the body in a transaction, and `settle` with its result once that is on disk.
    private func transact<Value>(
        in database: Database, _ body: () throws -> Value,
        settle: (inout JournalState, Value) -> Void = { _, _ in }
    ) -> Result<Void, JournalError> {
        reporting {
            var value: Value?
            try database.inTransaction(.immediate) {
                value = try body()
                return .commit
            }
            self.settle { state in
                if let value { settle(&state, value) }
                if !state.isFileLost { state.depth.lastError = nil }
            }
        }
    }

    /// The same for what lets go of records: where the disk is full, once more with the spare room given back.
    private func transactMakingRoom<Value>(
        in database: Database, _ body: () throws -> Value,
        settle: (inout JournalState, Value) -> Void = { _, _ in }
    ) -> Result<Void, JournalError> {
        let outcome = transact(in: database, body, settle: settle)
        guard case .failure(.noRoom) = outcome, spare.giveBack() else { return outcome }
        _ = try? database.checkpoint(.truncate)
        return transact(in: database, body, settle: settle)
    }

    /// Nothing waits: the file gives back what it has grown by, and the spare room is kept free again.
    private func tidyUp(_ database: Database) {
        if let pages = try? Int.fetchOne(database, sql: "PRAGMA freelist_count"), pages > Self.usualPages {
            try? database.execute(sql: "VACUUM")
            _ = try? database.checkpoint(.truncate)
        }
        spare.take()
    }

    /// Checks that the file is still in place, and makes it anew where it is not.
    private func keepFile() -> Result<Void, JournalError> {
        let outcome = reporting {
            try file.withLock { file in
                // Once more: it may have been taken away while it was made anew.
                do { return try file.stayInPlace() } catch { return try file.stayInPlace() }
            }
        }
        settle { state in
            if case .success(let isRemade) = outcome, isRemade {
                state.depth.remade += 1
                state.depth.lastError = nil
            }
            if case .failure = outcome { state.isFileLost = true } else { state.isFileLost = false }
        }
        return outcome.map { _ in }
    }

    /// Checks the file when nothing is written to it. Returns the depth after that.
    package func check() async -> Depth {
        await withCheckedContinuation { continuation in
            queue.async {
                if self.database.isOpen { _ = self.keepFile() }
                continuation.resume(returning: self.depth)
            }
        }
    }

    /// Keeps what went wrong for whoever asks for the depth, until something has been written again.
    private func reporting<Value>(_ body: () throws -> Value) -> Result<Value, JournalError> {
        let outcome = Result { () throws(JournalError) in try JournalError.catching(path, body) }
        if case .failure(let error) = outcome { settle { $0.depth.lastError = "\(error)" } }
        return outcome
    }

    private func settle(_ change: (inout JournalState) -> Void) {
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
                // What waits is read also where its file is gone for good: it is replayed from there while this process lives.
                if self.database.isOpen { _ = self.keepFile() }
                let outcome = self.database.writeWithoutTransaction { database in
                    database.sqliteConnection == nil ? .failure(.closed) : body(database)
                }
                continuation.resume(returning: outcome)
            }
        }
        return try outcome.get()
    }
}
