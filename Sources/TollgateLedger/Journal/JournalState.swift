import DequeModule

/// What a journal remembers between its transactions: what is queued for the next one, and how much there is. Owned by
/// the journal, behind its lock.
struct JournalState {
    /// What was given to ``Journal/append(_:operations:identity:completion:)``.
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
        /// Behind others that the journal's queue will take along.
        case queued
        /// Alone: the journal's queue has yet to be told.
        case first
    }

    /// The most operations held.
    let capacity: Int
    /// Counts what is queued and what is being written like what is on disk.
    var depth: Journal.Depth
    var isClosed = false
    /// The file has been taken away and could not be made anew: nothing that is appended may be acknowledged.
    var isFileLost = false
    private var queued: [Entry] = []
    /// Records counted from the opening of the file: how many there have been, up to which there is a backlog, and how many have
    /// been replayed. They are replayed in their order.
    private var appended: Int
    private var barrier: Int
    var replayed = 0
    /// When the waiting records were appended, Unix ms, in their order.
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

    /// When the oldest of the waiting records was appended, Unix ms.
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

    /// A group that could not be written.
    mutating func takeBack(_ group: [Entry]) {
        depth.records -= group.count
        depth.operations -= group.reduce(0) { $0 + $1.operations }
        acceptedAt.removeLast(min(group.count, acceptedAt.count))
        appended -= group.count
        barrier = min(barrier, appended)
    }

    /// The oldest, or nearly: records leave in their order, but for those that are rejected.
    mutating func remove(records: Int, operations: Int) {
        acceptedAt.removeFirst(min(records, acceptedAt.count))
        depth.records -= records
        depth.operations -= operations
    }
}
