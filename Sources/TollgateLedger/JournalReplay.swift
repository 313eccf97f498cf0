package import Logging

/// Brings what the journal keeps to Redis: in its order, a record at a time, each applied once however often it is sent.
///
/// Runs in a task of its own; `send` takes a record to a ledger's event loop and back.
package struct JournalReplay: Sendable {
    package enum Outcome: Sendable, Equatable {
        /// Now, or when it was sent before.
        case applied
        /// Redis could not be reached.
        case notNow
        /// Redis answers with an error, which may say nothing of the record: it waits until that has been mended. `others`: how
        /// many batches that are no replays have been answered so far.
        case failing(String, others: Int)
        /// Redis, or this version, cannot do what the record says, and never will. `operations`: the indices of those in the record;
        /// nil for all, or where that is not known.
        case impossible(String, operations: [Int]? = nil)
    }

    /// Records read at a time.
    private static let portion = 64
    private static let pause = Duration.milliseconds(50)
    /// So often in a row a record fails while others are answered, until it is taken for the fault.
    static let mostFailures = 60

    let journal: Journal
    let send: @Sendable (Journal.Record) async -> Outcome
    let onReplayed: @Sendable (BatchIdentity) -> Void
    let logger: Logger
    /// After an error.
    var longPause = Duration.seconds(1)

    package init(
        journal: Journal, logger: Logger, send: @escaping @Sendable (Journal.Record) async -> Outcome,
        onReplayed: @escaping @Sendable (BatchIdentity) -> Void
    ) {
        self.journal = journal
        self.logger = logger
        self.send = send
        self.onReplayed = onReplayed
    }

    /// Replays what is there, and then what is said to have come, until its task is cancelled.
    package func run(whenKept: AsyncStream<Void>) async {
        await drain()
        for await _ in whenKept { await drain() }
    }

    private func drain() async {
        guard !journal.isEmpty else { return }
        logger.notice("replaying the journal", metadata: ["operations": "\(journal.depth.operations)"])
        var last: Int64 = 0
        while !journal.isEmpty, !Task.isCancelled {
            let records = (try? await journal.next(after: last, atMost: Self.portion)) ?? []
            for record in records {
                var record = record
                record.content = KeptOperation.read(record.payload)
                guard await replay(record) else { break }
                last = record.number
            }
            // A record that cannot be removed now is not sent again by us; by another that comes after us it is, in vain.
            try? await journal.remove(through: last)
            if records.isEmpty { try? await Task.sleep(for: Self.pause) }
        }
        if journal.isEmpty { logger.notice("the journal has been replayed") }
    }

    /// False when the task was cancelled before the end.
    private func replay(_ record: Journal.Record) async -> Bool {
        var failures = 0
        var othersAtFirst = 0
        while !Task.isCancelled {
            switch await send(record) {
            case .applied:
                onReplayed(record.identity)
                journal.noLongerWaits(record)
                journal.noteReplayed(operations: record.operations)
                return true
            case .notNow: try? await Task.sleep(for: Self.pause)
            case .failing(let reason, let others):
                failures += 1
                if failures == 1 {
                    othersAtFirst = others
                    logger.error("the journal cannot be replayed, and waits", metadata: ["reason": "\(reason)"])
                }
                if failures >= Self.mostFailures, others > othersAtFirst {
                    return await reject(record, because: reason)
                }
                try? await Task.sleep(for: longPause)
            case .impossible(let reason, let operations): return await reject(record, operations, because: reason)
            }
        }
        return false
    }

    /// Sets operations of a record aside in the journal, for a person to look at; nil for all. Not sent again, whatever happens:
    /// Redis knows it by now. False when the task was cancelled before.
    private func reject(_ record: Journal.Record, _ operations: [Int]? = nil, because reason: String) async -> Bool {
        var part: Journal.Record.Part?
        if let operations, let content = record.content,
            let text = KeptOperation.text(of: operations.map { content[$0] })
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
        onReplayed(record.identity)
        journal.noLongerWaits(record)
        journal.noteReplayed(operations: record.operations)
        return true
    }

    /// The most characters of an entry in a line of the log.
    private static let maxLogged = 4_096
}
