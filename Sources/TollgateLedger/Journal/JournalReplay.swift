package import Logging

/// Sends the journal's records to Redis: in order, as many in a call as it takes, and each applied exactly once even if
/// it is sent several times.
///
/// Records that are sent together are stored as a group before (``JournalGrouping``), and stay one until Redis has
/// answered. While the groups of one portion are sent, one at a time, the next portion is read.
///
/// Runs in a task of its own; `send` takes a record to a ledger's event loop and back.
package struct JournalReplay: Sendable {
    package enum Outcome: Sendable, Equatable {
        /// The record was applied, now or when it was sent before.
        case applied
        /// The record was not sent.
        case notNow
        /// The record may have been sent; no answer came.
        case unanswered
        /// Redis answered with an error, which need not be the record's fault: the record waits until the error is
        /// resolved.
        ///
        /// `others` is the number of batches answered so far that were not replayed.
        case failing(String, others: Int)
        /// Redis, or this version, can never apply the record, or some of its operations.
        ///
        /// `operations` are their indices in the record; nil for all, or if they are not known.
        case impossible(String, operations: [Int]? = nil)
    }

    /// The number of operations read at a time.
    static let portion = 8 * Batch.capacity
    private static let pause = Duration.milliseconds(50)
    /// The number of failures in a row, while other batches are answered, after which a record is rejected.
    static let maxFailures = 60

    let journal: Journal
    let lastApplied: @Sendable (_ producer: String) async -> Int64?
    let send: @Sendable (Journal.Record) async -> Outcome
    let onReplayed: @Sendable (BatchIdentity) -> Void
    let logger: Logger
    /// The pause after an error.
    var longPause = Duration.seconds(1)

    /// - Parameters:
    ///   - lastApplied: Asks Redis for the number of a producer's last applied batch; returns nil if it cannot be
    ///     asked now.
    ///   - send: Sends a record to Redis.
    ///   - onReplayed: Called when a record has been applied or rejected.
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

    /// Replays the records in the journal, and more whenever the stream yields, until the task is cancelled.
    package func run(whenJournaled: AsyncStream<Void>) async {
        guard var grouping = await makeGrouping() else { return }
        await drain(&grouping)
        for await _ in whenJournaled { await drain(&grouping) }
    }

    /// Finds out which records an earlier process has sent. Returns nil if the task is cancelled before.
    private func makeGrouping() async -> JournalGrouping? {
        let (producer, earlier) = (journal.producer, journal.earlier)
        guard earlier.last > 0 else { return JournalGrouping(producer: producer, earlier: earlier) }
        while !Task.isCancelled {
            if let applied = await lastApplied(producer),
                let sentThrough = try? await journal.lastPossiblySent(applied: applied)
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
            let toSend = await store(groups, past: lastReplayed)
            if portion?.isEmpty ?? true, groups.isEmpty {
                guard !journal.isEmpty else { break }
                // The records are on their way to the disk, or cannot be read now.
                try? await Task.sleep(for: Self.pause)
            }
            async let next = read(after: lastRead)
            for group in toSend {
                guard await replay(group) else { break }
                lastReplayed = group.joined.number
            }
            portion = await next
        }
        // Records that cannot be removed now are sent again by the next process, to no effect.
        if Task.isCancelled { try? await journal.remove(through: lastReplayed) }
        if journal.isEmpty { logger.notice("the journal has been replayed") }
    }

    /// Returns the next records with their entries; empty if there are no more now, nil if they cannot be read.
    private func read(after number: Int64) async -> [Journal.Record]? {
        let records = try? await journal.next(after: number, atMost: Self.portion, operations: Self.portion)
        return records?.map { record in
            var record = record
            record.content = JournalEntry.read(record.payload)
            return record
        }
    }

    /// Stores groups before they are sent, and removes the records that have been replayed.
    ///
    /// - Returns: The groups to send: each record alone if the disk takes nothing.
    private func store(_ groups: [Journal.Group], past number: Int64) async -> [Journal.Group] {
        let new = groups.filter { $0.records.count > 1 && !$0.isEarlier }.map(\.numbers)
        if !new.isEmpty, (try? await journal.advance(past: number, joining: new)) != nil { return groups }
        // On a full disk this uses the reserved room.
        try? await journal.remove(through: number)
        return groups.flatMap { $0.isEarlier ? [$0] : $0.records.map { Journal.Group([$0]) } }
    }

    /// Sends a group until it is applied or rejected. Returns false if the task is cancelled before.
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
                    // A group that may still arrive under its number must not be split: its records would count twice.
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

    /// Sends the records of a group one by one, so that one faulty record does not hold up the others.
    private func replayEach(of group: Journal.Group) async -> Bool {
        for record in group.records {
            guard await replay(Journal.Group([record])) else { return false }
        }
        return true
    }

    private func noteReplayed(_ group: Journal.Group) {
        onReplayed(group.joined.identity)
        journal.removeFromWaiting(group.joined)
        journal.noteReplayed(records: group.records.count, operations: group.joined.operations)
    }

    /// Moves operations of a group to the journal's rejected records; nil for all. The group is not sent again, since
    /// Redis may have applied the rest. Returns false if the task is cancelled before.
    private func reject(_ group: Journal.Group, _ operations: [Int]? = nil, because reason: String) async -> Bool {
        let record = group.joined
        var part: Journal.Record.Part?
        if let operations, let content = record.content,
            let text = JournalEntry.text(of: operations.map { content[$0] })
        {
            part = .init(operations: operations.count, payload: text)
        }
        logger.error(
            "journal entry rejected: it cannot be applied",
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

    /// The maximum number of characters of a record in a log line.
    private static let maxLogged = 4_096
}
