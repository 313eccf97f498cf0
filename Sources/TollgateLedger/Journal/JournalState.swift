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

    init(capacity: Int, depth: Journal.Depth) {
        self.capacity = capacity
        self.depth = depth
        appended = depth.records
        barrier = depth.records
    }

    var hasBacklog: Bool { replayed < barrier }

    mutating func admit(_ entry: Entry) -> Admission {
        guard !isClosed else { return .refused(.closed) }
        guard entry.operations <= capacity - depth.operations else { return .refused(.full(capacity: capacity)) }
        depth.operations += entry.operations
        depth.records += 1
        appended += 1
        if entry.isBarrier { barrier = appended }
        queued.append(entry)
        return queued.count == 1 ? .first : .queued
    }

    mutating func takeQueued() -> [Entry] {
        defer { queued = [] }
        return queued
    }

    /// A group that could not be written.
    mutating func takeBack(_ group: [Entry]) {
        remove(records: group.count, operations: group.reduce(0) { $0 + $1.operations })
        appended -= group.count
        barrier = min(barrier, appended)
    }

    mutating func remove(records: Int, operations: Int) {
        depth.records -= records
        depth.operations -= operations
    }
}
