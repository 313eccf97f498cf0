/// Cuts the records of a journal, which come in their order, into groups that are sent in one call each. Pure.
///
/// Redis knows a group by the number of its last record, and applies nothing that comes under that number or a lower one. A
/// record that may have been sent would count twice in another group. So:
///
/// - A group of an earlier life of the sidecar stays exactly as it is.
/// - A record that was sent under another identity goes alone.
/// - Records that an earlier life may have sent alone go alone, as it sends them where it cannot write a group to disk: those
///   that Redis has applied, and the first behind them.
struct JournalGrouping {
    private let producer: String
    /// The last record that an earlier life may have sent.
    private let sentThrough: Int64
    private var earlier: [ClosedRange<Int64>]

    /// The group that is being put together, and what else it takes; nil for what goes alone, or belongs to an earlier group.
    private var open: [Journal.Record] = []
    private var batch: JournaledBatch?
    private var openEarlier: ClosedRange<Int64>?

    /// - Parameters:
    ///   - applied: the last number of the producer that Redis has applied.
    ///   - sentThrough: ``Journal/lastPerhapsSent(applied:)``.
    init(producer: String, earlier: Journal.Earlier, applied: Int64 = 0, sentThrough: Int64 = 0) {
        self.producer = producer
        self.sentThrough = sentThrough
        // Of a group that was sent, Redis knows no number but the last. This one's records have gone alone: the disk had reported
        // an error, and has kept the group all the same.
        self.earlier = earlier.groups.filter { !($0.lowerBound..<$0.upperBound).contains(applied) }
    }

    /// Takes the next records, and returns the groups that are complete by that. `isEnd`: there are no more for now.
    mutating func take(_ records: [Journal.Record], isEnd: Bool) -> [Journal.Group] {
        var groups: [Journal.Group] = []
        for record in records {
            while let range = earlier.first, range.upperBound < record.number { earlier.removeFirst() }
            if !goesOn(with: record) {
                close(into: &groups)
                begin(with: record)
            }
            open.append(record)
        }
        if isEnd { close(into: &groups) }
        return groups
    }

    private mutating func goesOn(with record: Journal.Record) -> Bool {
        if let openEarlier { return openEarlier.contains(record.number) }
        guard batch != nil, let content = joinableContent(of: record) else { return false }
        return batch?.add(content) ?? false
    }

    private mutating func begin(with record: Journal.Record) {
        openEarlier = earlier.first.flatMap { $0.contains(record.number) ? $0 : nil }
        batch = joinableContent(of: record).map(JournaledBatch.init)
    }

    /// What a record says that may be sent with others. One that cannot be read is set aside, and takes no others with it.
    private func joinableContent(of record: Journal.Record) -> [JournalEntry]? {
        guard record.number > sentThrough, record.isUnsent(by: producer),
            earlier.first?.contains(record.number) != true, let content = record.content,
            content.count == record.operations, content.allSatisfy({ $0.operation != nil })
        else { return nil }
        return content
    }

    private mutating func close(into groups: inout [Journal.Group]) {
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
