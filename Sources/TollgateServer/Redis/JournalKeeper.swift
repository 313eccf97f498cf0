import Logging
import NIOCore
import Synchronization
import TollgateLedger
import TollgatePolicy

/// The journal of a sidecar, and the task that replays it. Usable from any thread.
final class JournalKeeper: Sendable {
    private static let interval = Duration.seconds(1)

    let journal: Journal
    private let logger: Logger
    private let kept: AsyncStream<Void>
    private let keptContinuation: AsyncStream<Void>.Continuation
    private let task = Mutex<Task<Void, Never>?>(nil)

    /// Throws an `OperatorError` that names the file.
    init(path: String, capacity: Int, logger: Logger) throws {
        do throws(JournalError) {
            journal = try Journal(path: path, capacity: capacity)
        } catch {
            throw OperatorError("\(error)")
        }
        self.logger = logger
        (kept, keptContinuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Reads what waits, for decisions to count. Takes as long as there is to read.
    func sumUpWaiting() async { await journal.sumUpWaiting() }

    /// Replays through the first of the workers from now on.
    func start(_ workers: [NIOLoopBound<Worker>]) {
        guard let first = workers.first else { return }
        let replay = JournalReplay(
            journal: journal, logger: logger,
            lastApplied: { producer in
                let asked = first.eventLoop.flatSubmit { first.value.ledger.lastApplied(of: producer) }
                return (try? await asked.get()) ?? nil
            },
            send: { record in
                let sent = first.eventLoop.flatSubmit { first.value.replay(record) }
                return (try? await sent.get()) ?? .notNow
            },
            onReplayed: { identity in
                for worker in workers { worker.eventLoop.execute { worker.value.ledger.replayed(identity) } }
            })
        let kept = kept
        let watching = Task { await watch() }
        task.withLock { task in
            task = Task {
                await withTaskCancellationHandler {
                    await replay.run(whenJournaled: kept)
                } onCancel: {
                    watching.cancel()
                }
            }
        }
    }

    /// Checks the file each second, and logs each change of its state once.
    private func watch() async {
        var last = journal.depth
        while (try? await Task.sleep(for: Self.interval)) != nil {
            let depth = await journal.check()
            if depth.remade > last.remade {
                logger.error(
                    "the journal was taken away while in use, and has been made anew with all that waits",
                    metadata: ["operations": "\(depth.operations)"])
            }
            if let error = depth.lastError, error != last.lastError {
                logger.error("the journal cannot be used: \(error)")
            }
            if depth.lastError == nil, last.lastError != nil {
                logger.notice("the journal can be used again")
            }
            last = depth
        }
    }

    func somethingWasKept() {
        keptContinuation.yield()
    }

    /// Ends the replaying and lets go of the file. What is still in it is replayed after the next start.
    func stop() async {
        let task = task.withLock { $0 }
        task?.cancel()
        await task?.value
        await journal.close()
    }
}
