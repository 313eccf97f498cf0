/// What a journal remembers between its transactions: what is queued for the next one, and how much there is. Owned by
/// the journal, behind its lock.
struct JournalState {
    /// What was given to ``Journal/append(_:operations:identity:completion:)``.
    struct Entry: Sendable {
        var identity: BatchIdentity?
        var operations: Int
        var payload: String
        var acceptedAt: Int64
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
    private var queued: [Entry] = []

    init(capacity: Int, depth: Journal.Depth) {
        self.capacity = capacity
        self.depth = depth
    }

    mutating func admit(_ entry: Entry) -> Admission {
        guard !isClosed else { return .refused(.closed) }
        guard entry.operations <= capacity - depth.operations else { return .refused(.full(capacity: capacity)) }
        depth.operations += entry.operations
        depth.records += 1
        queued.append(entry)
        return queued.count == 1 ? .first : .queued
    }

    mutating func takeQueued() -> [Entry] {
        defer { queued = [] }
        return queued
    }

    mutating func remove(records: Int, operations: Int) {
        depth.records -= records
        depth.operations -= operations
    }
}
