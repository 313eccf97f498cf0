import DequeModule

/// The state of a journal between its transactions: the queue of the next one, and the numbers of records. Owned by the
/// journal, behind its lock.
struct JournalState {
    /// The arguments of one ``Journal/append(_:operations:identity:isBarrier:completion:)``.
    struct Entry: Sendable {
        var identity: BatchIdentity?
        var operations: Int
        var payload: String
        var acceptedAt: Int64
        var isBarrier: Bool
        var completion: @Sendable (Result<Void, JournalError>) -> Void
    }

    enum Admission {
        case refused(JournalError)
        /// The entry is queued; a transaction that will include it is already scheduled.
        case queued
        /// The entry is the only one; the caller must schedule a transaction.
        case first
    }

    /// The maximum number of stored operations.
    let capacity: Int
    /// The numbers of records, including those that are queued or being written.
    var depth: Journal.Depth
    var isClosed = false
    /// Whether the file was removed and could not be recreated. Then no append may be acknowledged.
    var isFileLost = false
    private var queued: [Entry] = []
    /// The number of records since the file was opened, with those that it had.
    private var appended: Int
    /// The position of the last barrier among them: up to there is a backlog.
    private var barrier: Int
    /// The number of replayed records. They are replayed in order.
    var replayed = 0
    /// The times at which the waiting records were appended (Unix ms), in order.
    private var acceptedAt: Deque<Int64>
    var rate = ReplayRate()

    init(capacity: Int, depth: Journal.Depth, acceptedAt: [Int64] = []) {
        self.capacity = capacity
        self.acceptedAt = Deque(acceptedAt)
        self.depth = depth
        appended = depth.records
        barrier = depth.records
    }

    var hasBacklog: Bool { replayed < barrier }

    /// The time at which the oldest waiting record was appended, Unix ms.
    var oldestAt: Int64? { acceptedAt.first }

    mutating func admit(_ entry: Entry) -> Admission {
        guard !isClosed else { return .refused(.closed) }
        guard entry.operations <= capacity - depth.operations else { return .refused(.full(capacity: capacity)) }
        depth.operations += entry.operations
        depth.records += 1
        appended += 1
        if entry.isBarrier { barrier = appended }
        acceptedAt.append(entry.acceptedAt)
        queued.append(entry)
        return queued.count == 1 ? .first : .queued
    }

    mutating func takeQueued() -> [Entry] {
        defer { queued = [] }
        return queued
    }

    /// Withdraws entries that could not be written.
    mutating func withdraw(_ entries: [Entry]) {
        depth.records -= entries.count
        depth.operations -= entries.reduce(0) { $0 + $1.operations }
        acceptedAt.removeLast(min(entries.count, acceptedAt.count))
        appended -= entries.count
        barrier = min(barrier, appended)
    }

    /// Removes the oldest records. For rejected records, which leave out of order, the times are approximate.
    mutating func remove(records: Int, operations: Int) {
        acceptedAt.removeFirst(min(records, acceptedAt.count))
        depth.records -= records
        depth.operations -= operations
    }
}

extension Journal {
    /// The amount that waits, and the journal's condition.
    package struct Depth: Sendable, Equatable {
        /// The number of waiting operations, on disk or on their way there.
        package var operations = 0
        /// The number of waiting records, on disk or on their way there.
        package var records = 0
        /// The number of records rejected since the file was created, including those no longer in the table.
        package var rejected = 0
        /// The number of times the file was recreated after it had been removed.
        package var remade = 0
        /// The reason why the file could not be used; nil once a write has succeeded.
        package var lastError: String?
    }
}

/// The rate of replay: the operations of each of the last ten seconds.
struct ReplayRate {
    private static let seconds: Int64 = 10

    private var counts = [Int](repeating: 0, count: Int(seconds))
    /// The Unix second that was counted last.
    private var newest: Int64 = 0

    /// Counts operations at a time in Unix ms.
    mutating func note(_ operations: Int, at time: Int64) {
        advance(to: time / 1_000)
        counts[Int(newest % Self.seconds)] += operations
    }

    /// Returns the operations per second, averaged over the last ten seconds. The time is in Unix ms.
    mutating func perSecond(at time: Int64) -> Double {
        advance(to: time / 1_000)
        return Double(counts.reduce(0, +)) / Double(Self.seconds)
    }

    /// Clears the seconds that have passed. A clock that goes back is treated as standing still.
    private mutating func advance(to second: Int64) {
        for passed in 0..<min(max(second - newest, 0), Self.seconds) {
            counts[Int((second - passed) % Self.seconds)] = 0
        }
        newest = max(newest, second)
    }
}
