import Logging
import NIOCore
import ServiceLifecycle
import TollgateCore
import TollgateLedger
import TollgatePolicy

/// Replays the journal through the first worker, and checks its file. Usable from any thread.
final class JournalKeeper: Service {
    private static let interval = Duration.seconds(1)

    private let journal: Journal
    private let workers: [NIOLoopBound<Worker>]
    private let logger: Logger
    private let appended: AsyncStream<Void>
    private let appendedContinuation: AsyncStream<Void>.Continuation

    init(journal: Journal, workers: [NIOLoopBound<Worker>], logger: Logger) {
        self.journal = journal
        self.workers = workers
        self.logger = logger
        (appended, appendedContinuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Opens the journal of a sidecar.
    ///
    /// - Throws: An `OperatorError` that names the file.
    static func open(path: String, capacity: Int, moneyUnit: MoneyUnit) throws(OperatorError) -> Journal {
        do throws(JournalError) {
            return try Journal(path: path, capacity: capacity, moneyUnit: moneyUnit)
        } catch {
            throw OperatorError("\(error)")
        }
    }

    /// Announces an entry that was added to the journal.
    func entryWasAdded() {
        appendedContinuation.yield()
    }

    /// Replays until graceful shutdown, and then closes the file. The rest is replayed after the next start.
    func run() async {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.watch() }
                group.addTask { await self.replay().run(whenJournaled: self.appended) }
            }
        }
        await journal.close()
    }

    private func replay() -> JournalReplay {
        let (workers, first) = (workers, workers[0])
        return JournalReplay(
            journal: journal, logger: logger,
            lastApplied: { producer in
                let number = first.eventLoop.flatSubmit { first.value.ledger.lastApplied(of: producer) }
                return (try? await number.get()) ?? nil
            },
            send: { record in
                let outcome = first.eventLoop.flatSubmit { first.value.replay(record) }
                return (try? await outcome.get()) ?? .notNow
            },
            onReplayed: { identity in workers.execute { $0.ledger.replayed(identity) } })
    }

    /// Checks the file each second, and logs each change of its state once.
    private func watch() async {
        var last = journal.depth
        while (try? await Task.sleep(for: Self.interval)) != nil {
            let depth = await journal.check()
            if depth.remade > last.remade {
                logger.error(
                    "the journal file was removed while in use; recreated it with all entries",
                    metadata: ["operations": "\(depth.operations)"])
            }
            if let error = depth.lastError, error != last.lastError {
                logger.error("the journal cannot be used: \(error)")
            }
            if depth.lastError == nil, last.lastError != nil {
                logger.notice("the journal is writable again")
            }
            last = depth
        }
    }
}
