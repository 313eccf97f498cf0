package import Logging

/// Brings what the journal keeps to Redis: in its order, as many records in a call as one takes, each applied once however often
/// it is sent.
///
/// Records that are sent together are put on disk as a group before (``JournalGrouping``), and stay one until Redis has answered.
/// While the groups of one portion are sent, one at a time, the next portion is read.
///
/// Runs in a task of its own; `send` takes a record to a ledger's event loop and back.
package struct JournalReplay: Sendable {
    package enum Outcome: Sendable, Equatable {
        /// Now, or when it was sent before.
        case applied
        /// It was not sent.
        case notNow
        /// It was perhaps sent; no answer came.
        case unanswered
        /// Redis answers with an error, which may say nothing of the record: it waits until that has been mended. `others`: how
        /// many batches that are no replays have been answered so far.
        case failing(String, others: Int)
        /// Redis, or this version, cannot do what the record says, and never will. `operations`: the indices of those in the record;
        /// nil for all, or where that is not known.
        case impossible(String, operations: [Int]? = nil)
    }

    /// Operations read at a time.
    static let portion = 8 * Batch.capacity
    private static let pause = Duration.milliseconds(50)
    /// So often in a row a record fails while others are answered, until it is taken for the fault.
    static let maxFailures = 60

    let journal: Journal
    let lastApplied: @Sendable (_ producer: String) async -> Int64?
    let send: @Sendable (Journal.Record) async -> Outcome
    let onReplayed: @Sendable (BatchIdentity) -> Void
    let logger: Logger
    /// After an error.
    var longPause = Duration.seconds(1)

    /// `lastApplied` asks Redis for the last number that it has applied of a producer; nil where it cannot be asked now.
    package init(
        journal: Journal, logger: Logger, lastApplied: @escaping @Sendable (_ producer: String) async -> Int64?,
        send: @escaping @Sendable (Journal.Record) async -> Outcome,
        onReplayed: @escaping @Sendable (BatchIdentity) -> Void
    ) {
        self.journal = journal
        self.logger = logger
        self.lastApplied = lastApplied
        self.send = send
        self.onReplayed = onReplayed
    }

    /// Replays what is there, and then what is said to have come, until its task is cancelled.
    package func run(whenJournaled: AsyncStream<Void>) async {
        guard var grouping = await makeGrouping() else { return }
        await drain(&grouping)
        for await _ in whenJournaled { await drain(&grouping) }
    }

    /// Finds out what an earlier life of the sidecar has sent. Nil when the task was cancelled before that is known.
    private func makeGrouping() async -> JournalGrouping? {
        let (producer, earlier) = (journal.producer, journal.earlier)
        guard earlier.last > 0 else { return JournalGrouping(producer: producer, earlier: earlier) }
        while !Task.isCancelled {
            if let applied = await lastApplied(producer),
                let sentThrough = try? await journal.lastPerhapsSent(applied: applied)
            {
                return JournalGrouping(
                    producer: producer, earlier: earlier, applied: applied, sentThrough: sentThrough)
            }
            try? await Task.sleep(for: Self.pause)
        }
        return nil
    }

    private func drain(_ grouping: inout JournalGrouping) async {
        guard !journal.isEmpty else { return }
        logger.notice("replaying the journal", metadata: ["operations": "\(journal.depth.operations)"])
        var (lastRead, lastReplayed): (Int64, Int64) = (0, 0)
        var portion = await read(after: lastRead)
        while !Task.isCancelled {
            lastRead = portion?.last?.number ?? lastRead
            let groups = portion.map { grouping.take($0, isEnd: $0.isEmpty) } ?? []
            let toSend = await keep(groups, past: lastReplayed)
            if portion?.isEmpty ?? true, groups.isEmpty {
                guard !journal.isEmpty else { break }
                // It is on its way to the disk, or the disk gives nothing now.
                try? await Task.sleep(for: Self.pause)
            }
            async let next = read(after: lastRead)
            for group in toSend {
                guard await replay(group) else { break }
                lastReplayed = group.joined.number
            }
            portion = await next
        }
        // What cannot be removed now is not sent again by us; by another that comes after us it is, in vain.
        if Task.isCancelled { try? await journal.remove(through: lastReplayed) }
        if journal.isEmpty { logger.notice("the journal has been replayed") }
    }

    /// The next records, with what they say; none where there are no more now, nil where they cannot be read.
    private func read(after number: Int64) async -> [Journal.Record]? {
        let records = try? await journal.next(after: number, atMost: Self.portion, operations: Self.portion)
        return records?.map { record in
            var record = record
            record.content = JournalEntry.read(record.payload)
            return record
        }
    }

    /// Puts groups on disk that are to be sent, and lets go of what has been replayed. Returns what is to be sent: where the disk
    /// takes nothing each record alone.
    private func keep(_ groups: [Journal.Group], past number: Int64) async -> [Journal.Group] {
        let new = groups.filter { $0.records.count > 1 && !$0.isEarlier }.map(\.numbers)
        if !new.isEmpty, (try? await journal.advance(past: number, joining: new)) != nil { return groups }
        // On a full disk that takes room which has been kept free.
        try? await journal.remove(through: number)
        return groups.flatMap { $0.isEarlier ? [$0] : $0.records.map { Journal.Group([$0]) } }
    }

    /// False when the task was cancelled before the end.
    private func replay(_ group: Journal.Group) async -> Bool {
        var failures = 0
        var othersAtFirst = 0
        var mayBeSent = group.mayBeSent
        while !Task.isCancelled {
            switch await send(group.joined) {
            case .applied:
                noteReplayed(group)
                return true
            case .notNow: try? await Task.sleep(for: Self.pause)
            case .unanswered:
                mayBeSent = true
                try? await Task.sleep(for: Self.pause)
            case .failing(let reason, let others):
                failures += 1
                if failures == 1 {
                    othersAtFirst = others
                    logger.error("the journal cannot be replayed, and waits", metadata: ["reason": "\(reason)"])
                }
                if failures >= Self.maxFailures, others > othersAtFirst {
                    // Sent one by one, what comes late under the number of all would count twice.
                    let isWhole = mayBeSent || group.records.count == 1
                    if isWhole { return await reject(group, because: reason) }
                    if (try? await journal.separate(group.numbers)) != nil { return await replayEach(of: group) }
                }
                try? await Task.sleep(for: longPause)
            case .impossible(let reason, let operations): return await reject(group, operations, because: reason)
            }
        }
        return false
    }

    /// So that one record which Redis does not take holds up no others.
    private func replayEach(of group: Journal.Group) async -> Bool {
        for record in group.records {
            guard await replay(Journal.Group([record])) else { return false }
        }
        return true
    }

    private func noteReplayed(_ group: Journal.Group) {
        onReplayed(group.joined.identity)
        journal.noLongerWaits(group.joined)
        journal.noteReplayed(records: group.records.count, operations: group.joined.operations)
    }

    /// Sets operations of a group aside in the journal, for a person to look at; nil for all. Not sent again, whatever happens:
    /// Redis knows it by now. False when the task was cancelled before.
    private func reject(_ group: Journal.Group, _ operations: [Int]? = nil, because reason: String) async -> Bool {
        let record = group.joined
        var part: Journal.Record.Part?
        if let operations, let content = record.content,
            let text = JournalEntry.text(of: operations.map { content[$0] })
        {
            part = .init(operations: operations.count, payload: text)
        }
        logger.error(
            "an entry of the journal cannot be applied and is set aside",
            metadata: [
                "reason": "\(reason)", "operations": "\((part?.payload ?? record.payload).prefix(Self.maxLogged))",
            ])
        while (try? await journal.reject(record, part: part, because: reason)) == nil {
            guard !Task.isCancelled else { return false }
            try? await Task.sleep(for: longPause)
        }
        noteReplayed(group)
        return true
    }

    /// The most characters of an entry in a line of the log.
    private static let maxLogged = 4_096
}
