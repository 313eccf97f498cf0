/// Divides the records of a journal, which arrive in order, into groups that are sent in one call each. Pure.
///
/// Redis knows a group by the number of its last record, and applies nothing under that number or a lower one. A record
/// that may have been sent would count twice in another group. Therefore:
///
/// - A group that an earlier process has stored stays exactly as it is.
/// - A record that was sent under another identity is sent alone.
/// - Records that an earlier process may have sent alone are sent alone: those that Redis has applied, and the first
///   after them. Records are sent alone if their group could not be stored.
struct JournalGrouping {
    private let producer: String
    /// The number of the last record that an earlier process may have sent.
    private let sentThrough: Int64
    private var earlier: [ClosedRange<Int64>]

    /// The records of the group that is being put together.
    private var open: [Journal.Record] = []
    /// The contents of that group; nil if it takes no records beyond itself, or is a stored one.
    private var batch: JournaledBatch?
    /// The numbers of that group if an earlier process has stored it.
    private var openEarlier: ClosedRange<Int64>?

    /// - Parameters:
    ///   - applied: The last number of the producer that Redis has applied.
    ///   - sentThrough: The result of ``Journal/lastPossiblySent(applied:)``.
    init(producer: String, earlier: Journal.Earlier, applied: Int64 = 0, sentThrough: Int64 = 0) {
        self.producer = producer
        self.sentThrough = sentThrough
        // Redis knows only the last number of a group that was sent. If it has applied another number of the group, the
        // records were sent alone: the disk had reported an error although it had stored the group.
        self.earlier = earlier.groups.filter { !($0.lowerBound..<$0.upperBound).contains(applied) }
    }

    /// Consumes the next records, and returns the groups that they complete.
    ///
    /// - Parameter isEnd: Whether there are no more records for now.
    mutating func take(_ records: [Journal.Record], isEnd: Bool) -> [Journal.Group] {
        var groups: [Journal.Group] = []
        for record in records {
            while let range = earlier.first, range.upperBound < record.number { earlier.removeFirst() }
            if !addToBatch(record) {
                closeGroup(into: &groups)
                beginGroup(with: record)
            }
            open.append(record)
        }
        if isEnd { closeGroup(into: &groups) }
        return groups
    }

    /// Returns whether the open group takes a record.
    private mutating func addToBatch(_ record: Journal.Record) -> Bool {
        if let openEarlier { return openEarlier.contains(record.number) }
        guard batch != nil, let content = joinableContent(of: record) else { return false }
        return batch?.add(content) ?? false
    }

    private mutating func beginGroup(with record: Journal.Record) {
        openEarlier = earlier.first.flatMap { $0.contains(record.number) ? $0 : nil }
        batch = joinableContent(of: record).map(JournaledBatch.init)
    }

    /// The entries of a record that may be sent together with others. An unreadable record is rejected, so it is sent
    /// alone.
    private func joinableContent(of record: Journal.Record) -> [JournalEntry]? {
        guard record.number > sentThrough, record.isUnsent(by: producer),
            earlier.first?.contains(record.number) != true, let content = record.content,
            content.count == record.operations, content.allSatisfy({ $0.operation != nil })
        else { return nil }
        return content
    }

    private mutating func closeGroup(into groups: inout [Journal.Group]) {
        guard !open.isEmpty else { return }
        var group = Journal.Group(open)
        if let openEarlier {
            group.isEarlier = true
            group.mayBeSent = openEarlier.lowerBound <= sentThrough
        }
        groups.append(group)
        open = []
        batch = nil
        openEarlier = nil
    }
}

/// The contents of a batch of journal entries while it is put together. It contains all rules about which entries may share
/// a batch.
struct JournaledBatch {
    /// The maximum number of distinct scopes. Their settings may have to be looked up within the deadline of one call
    /// (SettingsLookup).
    static let maxScopes = 256

    private var operations = 0
    private var scopes: Set<String> = []
    /// The traits of each user (`JournalEntry.traits`).
    private var traits: [String: String?] = [:]

    /// Creates a batch with its first entries, of any number.
    init(_ first: [JournalEntry]) {
        insert(first)
    }

    /// Adds entries, all or none. Returns false if they have to begin another batch.
    mutating func add(_ more: [JournalEntry]) -> Bool {
        guard operations + more.count <= Batch.capacity, hasRoomForScopes(of: more), !hasOtherTraits(more) else {
            return false
        }
        insert(more)
        return true
    }

    private mutating func insert(_ more: [JournalEntry]) {
        operations += more.count
        for entry in more {
            scopes.formUnion(entry.scopes)
            for user in entry.users { traits[user] = .some(entry.traits) }
        }
    }

    private func hasRoomForScopes(of more: [JournalEntry]) -> Bool {
        var added: Set<String> = []
        for scope in more.lazy.flatMap(\.scopes) where !scopes.contains(scope) { added.insert(scope) }
        return scopes.count + added.count <= Self.maxScopes
    }

    /// A batch has one plan of each scope, and other traits may lead to another plan.
    private func hasOtherTraits(_ more: [JournalEntry]) -> Bool {
        more.contains { entry in
            entry.users.contains { user in traits[user].map { $0 != entry.traits } ?? false }
        }
    }
}

extension JournalEntry {
    /// The scopes whose limits may depend on traits. Composite scopes that begin with a user match too, which does no harm.
    fileprivate var users: some Sequence<String> { scopes.lazy.filter { $0.hasPrefix("user:") } }
}
