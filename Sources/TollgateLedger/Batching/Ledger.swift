import DequeModule
package import NIOCore
package import TollgateCore
package import TollgateRedis

/// The way to the counters in Redis: gathers operations into batches, has one batch under way at a time, and hands each answer
/// to whoever asked. An idle ledger sends at the end of the tick; a busy one fills the next batch while it waits.
///
/// Facts that cannot reach Redis are kept in the journal, where there is one (Ledger+Journal).
///
/// Owned by one event loop, like the link beneath it; ledgers share nothing but the journal.
package final class Ledger {
    /// Batches that may wait behind the one that fills; past it operations fail with `.busy`. Sessions stop far earlier, when
    /// ``hasRoom`` says so.
    static let maxWaitingBatches = 64
    /// The same with partitions, where operations that come together make many short batches.
    static let maxWaitingBatchesOfPartitions = 4_096

    package static let batchFunction = RedisFunction("batch")
    /// For a batch of nothing but PEEKs, where Redis takes no writes.
    static let peekFunction = RedisFunction("peek")
    static let usageFunction = RedisFunction("usage")
    package static let lookupFunction = RedisFunction("policy/lookup")

    package let eventLoop: any EventLoop
    package let link: RedisLink
    package let keySpace: KeySpace
    package let deadline: TimeAmount
    /// Where facts are kept that cannot reach Redis; without one they fail.
    let journal: Journal?

    var clock = RedisClock()
    var circuit = CircuitBreaker()
    var producers = ProducerNames()
    /// What batches call; tests put another version of the library in its place.
    var batchFunction = Ledger.batchFunction
    /// Of the limit sets that Redis knows; another one once it has been found to have forgotten some.
    var knownSets = 1
    private var lastBatchNumber = 0
    private var shortBatchesUntil = NIODeadline.uptimeNanoseconds(0)
    private var lastReservation = 0
    /// Signs the tokens of reservations.
    package internal(set) var tokens = ReservationTokens()
    /// Why the keys of tokens could not be read the last time.
    var keysFailure: LedgerFailure?
    /// Called when the keys have been read; empty while they are not being read.
    var keyReaders: [(LedgerFailure?) -> Void] = []
    var nextKeyReading: Scheduled<Void>?
    var filling: Batch?
    var full = Deque<Batch>()
    var underWay: Batch?
    /// What takes back and has to wait, each with the number of the batch that has to end before it goes into the journal.
    var queuedUp: [(fact: PendingWrite, behind: Int)] = []
    /// Batches that were answered by Redis and did not come from the journal.
    package internal(set) var answeredBatches = 0
    /// Those who wait until a batch does not fill any more, each with its number.
    private var waitingForBatch: [(number: Int, resume: () -> Void)] = []
    private var isFlushScheduled = false
    private var isDeadlineCheckScheduled = false
    /// The first attempt to connect has not ended.
    var isFirstAttempt = true
    private var isStartTimed = false
    private var waitingForStart: [() -> Void] = []

    /// Called when the answers of a batch have been handed out, so that each asker writes them at once.
    package var onAnswersDelivered: () -> Void = {}
    /// Called when operations can be sent from now on.
    package var onReady: () -> Void = {}
    /// Called when there may be room again (``hasRoom``).
    package var onRoom: () -> Void = {}
    /// Called with what a batch's reply tells besides answers.
    package var onNotices: ([LedgerNotice]) -> Void = { _ in }
    /// Called with each error that Redis answers a batch or a look-up with.
    package var onRedisError: (String) -> Void = { _ in }
    /// Called when something has been put into the journal.
    package var onKept: () -> Void = {}

    /// Operations and batches sent since the start.
    package internal(set) var counts = LedgerCounts()

    /// Takes over the link's `onStateChange`; the link is to be started afterwards.
    package init(
        link: RedisLink, eventLoop: any EventLoop, keySpace: KeySpace, deadline: TimeAmount, journal: Journal? = nil
    ) {
        self.link = link
        self.keySpace = keySpace
        self.eventLoop = eventLoop
        self.deadline = deadline
        self.journal = journal
        if let journal { tokens.learn(journal.reservationKeys, current: journal.reservationKeys.first) }
        link.onStateChange = { [weak self] in self?.linkChanged(to: $0) }
    }

    /// Tests set the time that the scripts take for the present one, Unix ms.
    package var fixedClock: Int64? {
        get { clock.fixed }
        set { clock.fixed = newValue }
    }

    /// What Redis's clock probably says now, Unix ms.
    package var redisTime: Int64 { clock.now }

    /// Adds an operation to the batch that fills. `plans` are the scopes it is about, without the inert ones but for COMMIT and
    /// CANCEL; with none left there is nothing to decide or count, and the answer comes at once. `traits` are what the request
    /// said of its user, for the journal. `usedAt`: when what a RECORD or REFUND reports was used, Unix ms; nil for now.
    /// `unknown`: why what administrators have set for the scopes is not known, where it is not.
    package func submit(
        _ verb: OperationVerb, _ amounts: Amounts, on plans: [ScopePlan], terms: OperationTerms? = nil,
        usedAt: Int64? = nil, traits: [UInt8] = [], unknown: LedgerFailure? = nil, for owner: any OperationDelegate,
        ticket: Int
    ) {
        if let unknown {
            let operation = BatchedOperation(verb: verb, amounts: amounts, scopes: plans, usedAt: usedAt)
            return submit(operation, terms, traits, failed: unknown, for: owner, ticket: ticket)
        }
        guard !plans.isEmpty || terms != nil else {
            return owner.ledgerAnswered(ticket: ticket, with: Answer(outcome: verb.isDecision ? .allow : .ok))
        }
        func fail(_ failure: LedgerFailure) {
            let failsClosed = plans.contains { $0.set.failsClosed }
            let operation = FailedOperation(verb: verb, terms: terms, failsClosed: failsClosed)
            owner.ledgerFailed(ticket: ticket, of: operation, with: failure)
        }
        // Facts go into a batch all the same: those of a tick are put into the journal together.
        guard isReady || isStarting || (!verb.isDecision && journal != nil) else { return fail(noConnection) }
        if verb == .reserve, let keysFailure, tokens.keys.isEmpty { return fail(keysFailure) }
        // Without Redis the batch that fills goes into the journal, and keeps the order.
        let hasBacklog = journal?.hasBacklog == true || !queuedUp.isEmpty
        if isReady || isStarting, verb == .refund || verb == .cancel, hasBacklog {
            let operation = BatchedOperation(verb: verb, amounts: amounts, scopes: plans, usedAt: usedAt)
            let failed = FailedOperation(verb: verb, terms: terms, failsClosed: false)
            return queueUp(
                PendingWrite(
                    operation: JournalEntry(operation, terms, traits), owner: owner, ticket: ticket, failed: failed))
        }
        guard let batch = batchToFill(in: keySpace.partition(of: plans, terms)) else { return fail(.busy) }
        var times = OperationTimes(usedAt: usedAt)
        if terms != nil || usedAt != nil { times.now = redisTime }
        batch.append(
            verb, amounts, on: plans, terms: terms, times: times, traits: traits, for: owner, ticket: ticket)
        scheduleFlush()
    }

    /// Reads what a scope has used, after the operations submitted before.
    package func readUsage(
        of plan: ScopePlan, completion: @escaping (Result<ScopeUsage, LedgerFailure>) -> Void
    ) {
        guard isReady || isStarting else { return completion(.failure(noConnection)) }
        // A reading is a call of its own, and so goes with a batch of any partition.
        let partition = if let filling { filling.partition } else { plan.partition }
        guard let batch = batchToFill(in: partition) else { return completion(.failure(.busy)) }
        batch.usageRequests.append(Batch.UsageRequest(plan: plan, completion: completion))
        scheduleFlush()
    }

    /// Without what administrators have set a decision could be wrong, and a fact be counted for the wrong limits: that waits in
    /// the journal where Redis cannot be asked.
    private func submit(
        _ operation: BatchedOperation, _ terms: OperationTerms?, _ traits: [UInt8], failed failure: LedgerFailure,
        for owner: any OperationDelegate, ticket: Int
    ) {
        let failed = FailedOperation(
            verb: operation.verb, terms: terms, failsClosed: operation.scopes.contains { $0.set.failsClosed })
        guard !operation.verb.isDecision, journal != nil, failure.mayBeJournaled else {
            return owner.ledgerFailed(ticket: ticket, of: failed, with: failure)
        }
        queueUp(
            PendingWrite(
                operation: JournalEntry(operation, terms, traits), owner: owner, ticket: ticket, failed: failed))
    }

    /// Whether a plan is in the batch which fills.
    package func isFilling(with plan: ScopePlan) -> Bool { filling?.number == plan.batchNumber }

    /// Calls back, later, when the batch which fills now has been sent or has failed.
    package func afterFilling(_ resume: @escaping () -> Void) {
        waitingForBatch.append((filling?.number ?? 0, resume))
        scheduleFlush()
    }

    /// What is submitted from now on goes into another batch than this scope was last put into.
    package func endBatch(with plan: ScopePlan?) {
        guard let plan else { return endBatch() }
        if filling?.number == plan.batchNumber { endBatch() }
    }

    /// What is submitted from now on goes into another batch. To be called when plans are made anew: a batch reads and writes each
    /// of its plans by itself, so two plans of one scope must not be in the same.
    package func endBatch() {
        guard let batch = filling else { return }
        full.append(batch)
        filling = nil
    }

    /// For a RESERVE.
    package func makeReservationID() -> String {
        lastReservation += 1
        return "\(producers.base)-\(String(lastReservation, radix: 36))"
    }

    /// Whether COMMIT and CANCEL still find out that a reservation was settled before.
    package func canSettle(_ reservation: Reservation) -> Bool {
        redisTime < reservation.endsAt + Reservation.settledWithin
    }

    // MARK: - Filling

    /// Whether requests that can wait elsewhere are to be handed in. One batch that waits behind the one under way is enough to
    /// keep Redis busy; with more, each request would only wait longer.
    package var hasRoom: Bool {
        guard isReady || isStarting else { return true }
        let waiting = full.count + (filling?.isFull == true ? 1 : 0)
        return waiting < (underWay == nil ? 2 : 1)
    }

    /// For the next tenth of a second batches close early. To be called while clients that ask for little wait behind others
    /// that ask for much: those lose some of their throughput, and the former wait a third as long.
    package func keepBatchesShort() {
        shortBatchesUntil = .now() + .milliseconds(100)
    }

    private var hasPlace: Bool {
        full.count < (keySpace.partitions == nil ? Self.maxWaitingBatches : Self.maxWaitingBatchesOfPartitions)
    }

    /// Nil when too many batches wait. An operation of another partition ends the batch that fills: all keys of a call are in one.
    private func batchToFill(in partition: KeySpace.Partition?) -> Batch? {
        if let batch = filling {
            guard batch.isFull || batch.partition != partition else { return batch }
            guard hasPlace else { return nil }
            full.append(batch)
        } else if !hasPlace {
            return nil
        }
        let batch = makeBatch(in: partition)
        filling = batch
        return batch
    }

    /// One that comes from the journal. Plans are in one batch at a time, so the one that fills is ended.
    func batchToReplay(in partition: KeySpace.Partition?) -> Batch {
        endBatch()
        return makeBatch(in: partition)
    }

    private func makeBatch(in partition: KeySpace.Partition?) -> Batch {
        lastBatchNumber += 1
        let now = NIODeadline.now()
        return Batch(
            number: lastBatchNumber, keySpace: keySpace, partition: partition,
            bounds: now < shortBatchesUntil ? .short : .long, at: now)
    }

    /// From within the loop's handling of I/O this runs when all of the tick's reads have been handled.
    func scheduleFlush() {
        guard !isFlushScheduled, underWay == nil else { return }
        guard !isStarting else { return timeStart() }
        isFlushScheduled = true
        eventLoop.assumeIsolated().execute {
            self.isFlushScheduled = false
            self.flush()
        }
    }

    func flush() {
        defer { onRoom() }
        while underWay == nil, !isStarting, let batch = full.popFirst() ?? filling {
            if batch === filling { filling = nil }
            guard isReady else {
                fail(batch, with: noConnection)
                continue
            }
            guard batch.isReplay || !hasWaitedTooLong(since: batch.waitsSince) && !isAheadOfJournal(batch) else {
                fail(batch, with: .busy)
                continue
            }
            underWay = batch
            send(batch)
        }
        if !waitingForBatch.isEmpty { resumeWaiting() }
    }

    /// Whether it would take back what has gone into the journal since it was filled: it goes there too, behind that.
    private func isAheadOfJournal(_ batch: Batch) -> Bool {
        batch.takesBack && journal?.hasBacklog == true
    }

    /// At once, so that they come first into the next batch.
    private func resumeWaiting() {
        let number = filling?.number
        let ready = waitingForBatch.filter { $0.number != number }
        guard !ready.isEmpty else { return }
        waitingForBatch.removeAll { $0.number != number }
        for waiting in ready { waiting.resume() }
        onAnswersDelivered()
    }

    // MARK: - The start

    /// Whether the first attempt to connect is under way: then operations wait for its end, within the deadline of the first
    /// of them, and are not answered as in an outage.
    package var isStarting: Bool {
        guard isFirstAttempt else { return false }
        switch link.status {
        case .connecting, .ready: return true
        case .idle, .down, .refused, .unsupported, .closed: return false
        }
    }

    /// Calls back, later, when the first attempt to connect has ended. To be called while ``isStarting``.
    package func afterStart(_ resume: @escaping () -> Void) {
        waitingForStart.append(resume)
        timeStart()
    }

    private func timeStart() {
        guard !isStartTimed else { return }
        isStartTimed = true
        eventLoop.assumeIsolated().scheduleTask(in: deadline) { self.endStart() }
    }

    func endStart() {
        guard isFirstAttempt else { return }
        isFirstAttempt = false
        flush()
        let waiting = waitingForStart
        waitingForStart = []
        for resume in waiting { resume() }
    }

    // MARK: - Deadlines

    /// Whether what came then has waited in the sidecar for longer than a request may. A stall of Redis is not held against
    /// it: from the moment that it was noticed, what waits has its time anew.
    package func hasWaitedTooLong(since time: NIODeadline) -> Bool {
        max(time, circuit.lastStall ?? time) + deadline <= .now()
    }

    /// One timer for all batches, so that a request costs none.
    func scheduleDeadlineCheck(at time: NIODeadline) {
        guard !isDeadlineCheckScheduled else { return }
        isDeadlineCheckScheduled = true
        eventLoop.assumeIsolated().scheduleTask(deadline: time) {
            self.isDeadlineCheckScheduled = false
            self.checkDeadline()
        }
    }

    /// Of the batch that is under way; readings of usage have deadlines of their own.
    private func checkDeadline() {
        guard let batch = underWay, !batch.isReadingUsage else { return }
        let now = NIODeadline.now()
        guard batch.sentAt + deadline <= now else { return scheduleDeadlineCheck(at: batch.sentAt + deadline) }
        guard !link.hasUnreadBytes else { return scheduleDeadlineCheck(at: now + ReplyDeadline.shortPause) }
        underWay = nil
        let verdict = circuit.replyIsLate(sentAt: batch.sentAt, now: now)
        fail(batch, with: .timeout, mayBeApplied: true)
        act(on: verdict)
        flush()
    }
}

/// What a ledger has sent since the start.
package struct LedgerCounts: Sendable {
    package var operations = 0
    package var batches = 0
    /// Reservations that were given up, and could not be put into the journal to be cancelled.
    package var holdsNotCancelled = 0
}
