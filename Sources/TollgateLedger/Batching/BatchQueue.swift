import DequeModule
import NIOCore

/// The batches of one ledger, from filling to their end, and the writes that have to wait for them.
///
///     filling → waiting → in flight → ended
///
/// A pure state machine: it decides which batch takes an operation, when a batch is sent, and when it fails without being
/// sent. ``Ledger`` feeds it, and carries out the actions it returns. At most one batch is in flight, so operations leave in
/// the order in which they came. Owned by the ledger's event loop.
package struct BatchQueue {
    /// The maximum number of batches waiting to be sent. Beyond it, operations fail with `.busy`. Sessions stop reading
    /// far earlier, when ``hasRoom(isConnected:)`` is false.
    static let maxWaiting = 64
    /// The same bound with partitions, where operations that arrive together make many short batches.
    static let maxWaitingOfPartitions = 4_096

    /// The next thing to do with a batch.
    enum Action {
        case send(Batch)
        /// The batch ends without having been sent.
        case fail(Batch, Refusal)
    }

    /// Why a batch is not sent.
    enum Refusal {
        case notConnected
        /// It has waited in the sidecar for longer than a request may.
        case waitedTooLong
        /// It subtracts usage that is still in the journal.
        case aheadOfJournal
    }

    /// What the ledger knows of Redis when it asks for the next action.
    struct Conditions {
        /// Whether the first attempt to connect is under way: then all batches wait.
        var isStarting: Bool
        var isConnected: Bool
        /// A batch begun at or before this time has waited too long.
        var oldest: NIODeadline
    }

    private let keySpace: KeySpace
    /// The batch that takes the next operation; nil if the next operation begins one.
    private(set) var filling: Batch?
    /// Full batches, the next one to be sent first.
    private var waiting = Deque<Batch>()
    /// The batch that Redis works on.
    private(set) var inFlight: Batch?
    /// Writes that subtract usage, each with the number of the batch that has to end first.
    private var heldBack: [(write: PendingWrite, behind: Int)] = []
    private var lastNumber = 0
    private var shortUntil = NIODeadline.uptimeNanoseconds(0)

    init(keySpace: KeySpace) {
        self.keySpace = keySpace
    }

    // MARK: - Filling

    /// Returns the batch that takes an operation of a partition, or nil if too many batches wait. An operation of another
    /// partition closes the batch that is filling: all keys of a call are in one partition.
    mutating func batchToFill(in partition: KeySpace.Partition?, at now: @autoclosure () -> NIODeadline) -> Batch? {
        if let batch = filling {
            if !batch.isFull, batch.partition == partition { return batch }
            guard canQueue else { return nil }
            waiting.append(batch)
        } else if !canQueue {
            return nil
        }
        let batch = makeBatch(in: partition, at: now())
        filling = batch
        return batch
    }

    private var canQueue: Bool {
        waiting.count < (keySpace.partitions == nil ? Self.maxWaiting : Self.maxWaitingOfPartitions)
    }

    private mutating func makeBatch(in partition: KeySpace.Partition?, at now: NIODeadline) -> Batch {
        lastNumber += 1
        return Batch(
            number: lastNumber, keySpace: keySpace, partition: partition, bounds: now < shortUntil ? .short : .long,
            at: now)
    }

    /// Closes the open batch. Called when plans are rebuilt, because a batch has one plan per scope.
    mutating func closeFilling() {
        guard let batch = filling else { return }
        waiting.append(batch)
        filling = nil
    }

    /// Adds a batch of journal entries after all operations. It takes no others.
    mutating func appendReplay(in partition: KeySpace.Partition?, at now: NIODeadline) -> Batch {
        closeFilling()
        let batch = makeBatch(in: partition, at: now)
        batch.isReplay = true
        waiting.append(batch)
        return batch
    }

    /// Closes batches early until the given time: clients that pipeline many requests lose throughput, and others wait a
    /// third as long.
    mutating func keepShort(until time: NIODeadline) {
        shortUntil = time
    }

    /// Whether sessions may submit more. One batch that waits while another is in flight keeps Redis busy; with more of
    /// them each request would only wait longer.
    func hasRoom(isConnected: Bool) -> Bool {
        guard isConnected else { return true }
        let full = waiting.count + (filling?.isFull == true ? 1 : 0)
        return full < (inFlight == nil ? 2 : 1)
    }

    /// The batches that are full, or whose turn has come, and that wait to be sent.
    var waitingCount: Int { waiting.count }

    // MARK: - Sending

    /// Returns the next action; nil if there is nothing to do before a batch ends or an operation arrives.
    ///
    /// - Parameter hasBacklog: Whether the journal has entries that are not in Redis yet.
    mutating func next(_ conditions: Conditions, hasBacklog: @autoclosure () -> Bool) -> Action? {
        guard inFlight == nil, !conditions.isStarting, let batch = waiting.popFirst() ?? filling else { return nil }
        if batch === filling { filling = nil }
        guard conditions.isConnected else { return .fail(batch, .notConnected) }
        if !batch.isReplay {
            if batch.begunAt <= conditions.oldest { return .fail(batch, .waitedTooLong) }
            if batch.takesBack, hasBacklog() { return .fail(batch, .aheadOfJournal) }
        }
        inFlight = batch
        return .send(batch)
    }

    /// Clears ``inFlight``, so that the next batch can be sent. The answers to the old batch may not be delivered yet.
    mutating func finishInFlight() {
        inFlight = nil
    }

    // MARK: - Barriers

    /// Whether writes wait for batches to end.
    var hasHeldBack: Bool { !heldBack.isEmpty }

    /// Holds a write back until every existing batch has ended. If a REFUND were applied before the usage that it
    /// subtracts, the counter would stop at zero and end too high.
    ///
    /// - Returns: Whether no batch exists: then the write is due at the end of the tick, together with the others of the tick.
    mutating func holdBack(_ write: PendingWrite) -> Bool {
        heldBack.append((write, behind: (filling ?? waiting.last ?? inFlight)?.number ?? 0))
        return heldBack.count == 1 && heldBack[0].behind == 0
    }

    /// Removes and returns the held-back writes whose batches have ended. Batches end in the order of their numbers.
    ///
    /// - Parameter number: The number of the last batch that has ended; 0 for writes that waited for none.
    mutating func releaseHeldBack(through number: Int) -> [PendingWrite] {
        guard !heldBack.isEmpty else { return [] }
        let due = heldBack.prefix { $0.behind <= number }.map(\.write)
        heldBack.removeFirst(due.count)
        return due
    }
}
