import NIOCore
import Testing
import TollgateCore
import TollgatePolicy

@testable import TollgateLedger

/// Tests of the batch queue's state machine, without Redis.
@Suite struct BatchQueueTests {
    private static func time(_ millisecond: UInt64) -> NIODeadline { .uptimeNanoseconds(millisecond * 1_000_000) }

    private static let ready = BatchQueue.Conditions(
        isStarting: false, isConnected: true, oldest: .uptimeNanoseconds(0))

    private struct Scopes {
        let keySpace: KeySpace
        let cache: ScopePlanCache

        init(partitions: Int? = nil) {
            keySpace = KeySpace(namespace: "tollgate", partitions: partitions)
            cache = ScopePlanCache(policy: Policy(), keySpace: keySpace)
        }

        func plan(_ text: String) throws -> ScopePlan { cache.plan(for: try Scope(parsing: text)) }
    }

    private static func begin(in queue: inout BatchQueue, at now: NIODeadline) throws -> Batch {
        let batch = queue.batchToFill(in: nil, at: now)
        return try #require(batch)
    }

    private static func add(
        _ verb: OperationVerb, _ plan: ScopePlan, to batch: Batch?, _ delegate: some OperationDelegate
    ) {
        batch?.append(verb, Amounts(requests: 1), on: [plan], terms: nil, for: delegate, ticket: 0)
    }

    private static func expectNothing(_ queue: inout BatchQueue, _ conditions: BatchQueue.Conditions = ready) {
        if queue.next(conditions, hasBacklog: false) != nil { Issue.record("unexpected action") }
    }

    private static func expectSent(_ batch: Batch, _ queue: inout BatchQueue, _ conditions: BatchQueue.Conditions) {
        guard case .send(let sent)? = queue.next(conditions, hasBacklog: false), sent === batch else {
            Issue.record("batch \(batch.number) was not sent")
            return
        }
    }

    @Test("only one batch is in flight, and the next one is sent when it has ended")
    func oneInFlight() throws {
        let scopes = Scopes()
        var queue = BatchQueue(keySpace: scopes.keySpace)
        Self.expectNothing(&queue)
        let first = try Self.begin(in: &queue, at: Self.time(1))
        Self.add(.check, try scopes.plan("user:a"), to: first, IgnoringDelegate())
        Self.expectSent(first, &queue, Self.ready)
        let second = try Self.begin(in: &queue, at: Self.time(2))
        #expect(second !== first && second.number > first.number)
        Self.expectNothing(&queue)
        queue.finishInFlight()
        Self.expectSent(second, &queue, Self.ready)
    }

    @Test("batches wait for the first connection attempt, and fail without a connection")
    func connection() throws {
        let scopes = Scopes()
        var queue = BatchQueue(keySpace: scopes.keySpace)
        let batch = try Self.begin(in: &queue, at: Self.time(1))
        var conditions = Self.ready
        conditions.isStarting = true
        Self.expectNothing(&queue, conditions)
        conditions.isStarting = false
        conditions.isConnected = false
        guard case .fail(let failed, .notConnected)? = queue.next(conditions, hasBacklog: false) else {
            Issue.record("the batch did not fail")
            return
        }
        #expect(failed === batch && queue.filling == nil && queue.inFlight == nil)
    }

    @Test("a batch that has waited too long fails, and a replayed batch has no deadline")
    func deadline() throws {
        let scopes = Scopes()
        var queue = BatchQueue(keySpace: scopes.keySpace)
        let late = try Self.begin(in: &queue, at: Self.time(10))
        let replay = queue.appendReplay(in: nil, at: Self.time(10))
        let inTime = try Self.begin(in: &queue, at: Self.time(11))
        var conditions = Self.ready
        conditions.oldest = Self.time(10)
        guard case .fail(let failed, .waitedTooLong)? = queue.next(conditions, hasBacklog: false) else {
            Issue.record("the batch did not fail")
            return
        }
        #expect(failed === late)
        Self.expectSent(replay, &queue, conditions)
        queue.finishInFlight()
        Self.expectSent(inTime, &queue, conditions)
    }

    @Test("a batch that takes back does not overtake the journal")
    func aheadOfJournal() throws {
        let scopes = Scopes()
        for verb in [OperationVerb.check, .peek, .record, .refund] {
            var queue = BatchQueue(keySpace: scopes.keySpace)
            let batch = queue.batchToFill(in: nil, at: Self.time(1))
            Self.add(verb, try scopes.plan("user:\(verb)"), to: batch, IgnoringDelegate())
            switch queue.next(Self.ready, hasBacklog: true) {
            case .send?: #expect(verb != .refund)
            case .fail(_, .aheadOfJournal)?: #expect(verb == .refund)
            case .fail?, nil: Issue.record("\(verb): unexpected action")
            }
        }
    }

    @Test("an operation of another partition closes the batch, up to the bound of waiting batches")
    func partitions() throws {
        let scopes = Scopes(partitions: 8)
        var queue = BatchQueue(keySpace: scopes.keySpace)
        for index in 0...BatchQueue.maxWaitingOfPartitions {
            let batch = queue.batchToFill(in: UInt16(index % 2), at: Self.time(1))
            #expect(batch != nil)
        }
        let filling = try #require(queue.filling)
        let same = queue.batchToFill(in: filling.partition, at: Self.time(1))
        #expect(same === filling)
        let other = queue.batchToFill(in: 7, at: Self.time(1))
        #expect(other == nil)
    }

    @Test("there is room for one full batch behind the one in flight")
    func room() throws {
        let scopes = Scopes()
        var queue = BatchQueue(keySpace: scopes.keySpace)
        let plan = try scopes.plan("user:a")
        func fill(_ queue: inout BatchQueue) {
            for _ in 0..<Batch.capacity {
                Self.add(.check, plan, to: queue.batchToFill(in: nil, at: Self.time(1)), IgnoringDelegate())
            }
        }
        fill(&queue)
        #expect(queue.hasRoom(isConnected: true))
        fill(&queue)
        #expect(!queue.hasRoom(isConnected: true) && queue.hasRoom(isConnected: false))
        _ = queue.next(Self.ready, hasBacklog: false)
        #expect(!queue.hasRoom(isConnected: true))
        queue.finishInFlight()
        #expect(queue.hasRoom(isConnected: true))
    }

    @Test("batches are short until the given time")
    func short() throws {
        var queue = BatchQueue(keySpace: Scopes().keySpace)
        queue.keepShort(until: Self.time(100))
        let scopes = Scopes()
        let plan = try scopes.plan("user:a")
        for (now, bound) in [(UInt64(99), Batch.Bounds.short.operations), (100, Batch.Bounds.long.operations)] {
            queue.closeFilling()
            let batch = try Self.begin(in: &queue, at: Self.time(now))
            var added = 0
            while !batch.isFull {
                Self.add(.check, plan, to: batch, IgnoringDelegate())
                added += 1
            }
            #expect(added == bound)
        }
    }

    /// Plays 2 000 random events: operations of several connections, replies, late replies, lost and new connections,
    /// and replays of the journal.
    @Test("no operation is lost or answered twice, or overtakes a write of its connection", arguments: UInt64(1)...40)
    func property(seed: UInt64) throws {
        let play = try QueuePlay(seed: seed)
        for _ in 0..<2_000 { play.playOne() }
        play.finish()
        #expect(play.answers.count == play.submitted, "seed \(seed)")
        #expect(play.answers.allSatisfy { $0.value == 1 }, "seed \(seed)")
        #expect(play.faults == [], "seed \(seed)")
        #expect(play.applied.count > 100 && play.replayed > 0 && play.held > 0, "seed \(seed)")
    }
}

private final class IgnoringDelegate: OperationDelegate {
    func ledgerAnswered(ticket: Int, with answer: borrowing Answer) {}
    func ledgerFailed(ticket: Int, of operation: FailedOperation, with failure: LedgerFailure) {}
}

/// A ledger, a Redis and a journal in memory, around a real queue. It carries out the queue's actions in the same order as
/// the ledger.
private final class QueuePlay: OperationDelegate {
    private(set) var submitted = 0
    /// The number of answers of each operation.
    private(set) var answers: [Int: Int] = [:]
    /// The operations that Redis has applied, in order.
    private(set) var applied: [Int] = []
    private(set) var faults: [String] = []
    private(set) var replayed = 0
    private(set) var held = 0

    private var random: SeededGenerator
    private var queue: BatchQueue
    private let plans: [ScopePlan]
    private var isConnected = true
    private var now: UInt64 = 1_000
    private var verbs: [OperationVerb] = []
    private var connections: [Int] = []
    /// The writes that are not in Redis yet, in the order of their replay.
    private var journal: [Int] = []
    private var replaying: [Int] = []
    private var lastSent = 0

    init(seed: UInt64) throws {
        random = SeededGenerator(seed: seed)
        let keySpace = KeySpace(namespace: "tollgate")
        let cache = ScopePlanCache(policy: Policy(), keySpace: keySpace)
        queue = BatchQueue(keySpace: keySpace)
        plans = try (0..<5).map { cache.plan(for: try Scope(parsing: "user:\($0)")) }
    }

    func playOne() {
        now += UInt64.random(in: 0...3, using: &random)
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<60: submit()
        case 60..<75: flush()
        case 75..<90: reply()
        case 90..<93: replyIsLate()
        case 93..<95: loseConnection()
        case 95..<98: isConnected = true
        default: replay()
        }
    }

    func finish() {
        isConnected = true
        for _ in 0..<200 {
            flush()
            reply()
            replay()
        }
    }

    private func submit() {
        let verb: OperationVerb = [.check, .check, .peek, .record, .record, .refund].randomElement(using: &random)!
        let ticket = submitted
        submitted += 1
        verbs.append(verb)
        connections.append(Int.random(in: 0..<4, using: &random))
        let plan = plans.randomElement(using: &random)!
        if isConnected, verb == .refund, !journal.isEmpty || queue.hasHeldBack {
            held += 1
            let operation = BatchedOperation(verb: verb, amounts: Amounts(requests: 1), scopes: [plan])
            let write = PendingWrite(
                entry: JournalEntry(operation, nil, []), delegate: self, ticket: ticket,
                failed: FailedOperation(verb: verb, terms: nil, failsClosed: false))
            if queue.holdBack(write) { append(queue.releaseHeldBack(through: 0)) }
            return
        }
        guard let batch = queue.batchToFill(in: nil, at: time) else { return note(ticket) }
        batch.append(verb, Amounts(requests: 1), on: [plan], terms: nil, for: self, ticket: ticket)
    }

    private var time: NIODeadline { .uptimeNanoseconds(now * 1_000_000) }

    private func flush() {
        let conditions = BatchQueue.Conditions(
            isStarting: false, isConnected: isConnected, oldest: .uptimeNanoseconds((now - 30) * 1_000_000))
        while queue.inFlight == nil, let action = queue.next(conditions, hasBacklog: !journal.isEmpty) {
            switch action {
            case .send(let batch):
                if batch.number <= lastSent { faults.append("batch \(batch.number) left behind \(lastSent)") }
                lastSent = batch.number
                if !batch.isReplay, batch.begunAt <= conditions.oldest { faults.append("a late batch was sent") }
            case .fail(let batch, _): fail(batch)
            }
        }
    }

    private func reply() {
        guard let batch = queue.inFlight else { return }
        queue.finishInFlight()
        for entry in batch.entries { apply(entry.ticket) }
        if batch.isReplay {
            journal.removeFirst(replaying.count)
            replaying = []
            replayed += 1
        } else {
            for entry in batch.entries { note(entry.ticket) }
        }
        append(queue.releaseHeldBack(through: batch.number))
    }

    private func replyIsLate() {
        guard let batch = queue.inFlight else { return }
        queue.finishInFlight()
        fail(batch)
    }

    private func loseConnection() {
        isConnected = false
        replyIsLate()
    }

    /// Replays the oldest writes of the journal, one record at a time.
    private func replay() {
        guard isConnected, !journal.isEmpty, replaying.isEmpty else { return }
        replaying = Array(journal.prefix(20))
        let batch = queue.appendReplay(in: nil, at: time)
        for ticket in replaying {
            batch.append(verbs[ticket], Amounts(requests: 1), on: [plans[0]], terms: nil, for: self, ticket: ticket)
        }
    }

    /// Fails the decisions of a batch and journals its writes; replayed writes stay in the journal.
    private func fail(_ batch: Batch) {
        if batch.isReplay {
            replaying = []
        } else {
            for entry in batch.entries where entry.verb.isDecision { note(entry.ticket) }
            append(batch.writes)
        }
        append(queue.releaseHeldBack(through: batch.number))
    }

    private func append(_ writes: [PendingWrite]) {
        for write in writes {
            journal.append(write.ticket)
            note(write.ticket)
        }
    }

    private func note(_ ticket: Int) { answers[ticket, default: 0] += 1 }

    /// Checks that a REFUND reaches Redis behind the earlier writes of its connection.
    private func apply(_ ticket: Int) {
        applied.append(ticket)
        guard verbs[ticket] == .refund else { return }
        let waiting = journal.prefix { $0 != ticket }
        for other in waiting
        where other < ticket && verbs[other] == .record && connections[other] == connections[ticket] {
            if !replaying.contains(other) { faults.append("REFUND \(ticket) has overtaken RECORD \(other)") }
        }
    }

    func ledgerAnswered(ticket: Int, with answer: borrowing Answer) {}
    func ledgerFailed(ticket: Int, of operation: FailedOperation, with failure: LedgerFailure) {}
}
