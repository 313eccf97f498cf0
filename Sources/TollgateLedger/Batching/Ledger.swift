package import NIOCore
package import TollgateCore
import TollgatePolicy
package import TollgateRedis

/// Sends operations to the counters in Redis in batches, one batch at a time, and hands each answer to the operation's
/// delegate. An idle ledger sends at the end of the tick; a busy one fills the next batch meanwhile.
///
/// Writes that cannot reach Redis go to the journal, if there is one (`Ledger+Journal.swift`).
///
/// Owned by one event loop, like its link; ledgers share nothing but the journal.
package final class Ledger {
    package static let batchFunction = RedisFunction("batch")
    /// Runs a batch that has only PEEKs while Redis refuses writes.
    package static let peekFunction = RedisFunction("peek")
    package static let lookupFunction = RedisFunction("policy/lookup")

    package let eventLoop: any EventLoop
    package let link: RedisLink
    package let keySpace: KeySpace
    /// The time that a request may wait in the sidecar, and that Redis has for a reply.
    package let deadline: TimeAmount
    /// Stores writes that cannot reach Redis; without one they fail.
    let journal: Journal?
    /// Signs and verifies the tokens of reservations.
    package let keyring: ReservationKeyring

    // Without run-time checks of exclusive access: its functions are pure and call nothing outside.
    @exclusivity(unchecked) var queue: BatchQueue
    var clock = RedisClock()
    var circuit = CircuitBreaker()
    var producers = ProducerNames()
    /// The function that batches call. Tests put another version of the library in its place.
    var batchFunction = Ledger.batchFunction
    /// The generation of limit sets that Redis knows. A new one begins when Redis is found to have forgotten some.
    var knownSets = 1
    /// The partitions of records of the journal whose usage is in the tally, until the record is gone.
    var countedReplays: [BatchIdentity: [KeySpace.Partition?]] = [:]
    private var lastReservation = 0
    /// The number of batches that Redis has answered and that were not replayed from the journal.
    package internal(set) var answeredBatches = 0
    /// Continuations that wait until a batch has left ``BatchQueue/filling``, each with the number of the batch.
    private var waitingForBatch: [(number: Int, resume: () -> Void)] = []
    private var isFlushScheduled = false
    /// Whether the first attempt to connect has not ended.
    private var isFirstAttempt = true
    private var isStartTimed = false
    private var waitingForStart: [() -> Void] = []

    /// Called when the answers of a batch have been handed out, so that each session writes them immediately.
    package var onAnswersDelivered: () -> Void = {}
    /// Called when operations can be sent again.
    package var onReady: () -> Void = {}
    /// Called when there may be room again (``hasRoom``).
    package var onRoom: () -> Void = {}
    /// Called with the denials and alerts of a batch's reply.
    package var onNotices: ([LedgerNotice]) -> Void = { _ in }
    /// Called with each error that Redis replies to a batch or a lookup.
    package var onRedisError: (String) -> Void = { _ in }
    /// Called when an entry has been added to the journal.
    package var onJournaled: () -> Void = {}

    /// The answers and times since the start, for metrics and STATUS.
    package let tally = OperationTally()
    /// The operations and batches sent since the start.
    package internal(set) var counts = LedgerCounts()

    /// Creates a ledger on a link that has not been started. Takes over the link's `onStateChange`.
    package init(
        link: RedisLink, eventLoop: any EventLoop, keySpace: KeySpace, deadline: TimeAmount, journal: Journal? = nil
    ) {
        self.link = link
        self.keySpace = keySpace
        self.eventLoop = eventLoop
        self.deadline = deadline
        self.journal = journal
        queue = BatchQueue(keySpace: keySpace)
        keyring = ReservationKeyring(link: link, key: keySpace.reservationKeys, deadline: deadline, journal: journal)
        keyring.onRead = { [unowned self] in onAnswersDelivered() }
        keyring.onLateReply = { [unowned self] in replyIsLate(sentAt: $0) }
        link.onStateChange = { [weak self] in self?.linkChanged(to: $0) }
    }

    /// The time that the functions use as the current time, Unix ms; nil for Redis's clock. Set by tests.
    package var fixedClock: Int64? {
        get { clock.fixed }
        set { clock.fixed = newValue }
    }

    /// The estimated time of Redis's clock, Unix ms.
    package var redisTime: Int64 { clock.now }

    /// Adopts a time of Redis's clock, Unix ms, that a reply outside of the ledger states.
    package func synchronize(with now: Int64) { clock.synchronize(with: now) }

    // MARK: - Submitting

    /// Adds an operation to the batch that is filling.
    ///
    /// - Parameters:
    ///   - plans: The scopes of the operation, without the inert ones except for COMMIT and CANCEL. Without any the answer
    ///     comes immediately, because there is nothing to decide or to count.
    ///   - usedAt: The time of the usage that a RECORD or REFUND reports, Unix ms; nil for now.
    ///   - traits: What the request says of its user, for the journal.
    ///   - arrival: The arrival of the request, for the time that a decision takes; nil for operations without a client.
    package func submit(
        _ verb: OperationVerb, _ amounts: Amounts, on plans: [ScopePlan], terms: OperationTerms? = nil,
        usedAt: Int64? = nil, traits: [UInt8] = [], arrival: NIODeadline? = nil, for delegate: any OperationDelegate,
        ticket: Int
    ) {
        guard !plans.isEmpty || terms != nil else {
            if verb.isDecision, let arrival { recordDecision(since: arrival) }
            return delegate.ledgerAnswered(
                ticket: ticket, with: Answer(to: verb, outcome: verb.isDecision ? .allow : .ok))
        }
        func fail(_ failure: LedgerFailure) {
            let failsClosed = plans.contains { $0.set.failsClosed }
            if verb.isDecision, let arrival { recordDecision(since: arrival) }
            let operation = FailedOperation(verb: verb, terms: terms, failsClosed: failsClosed)
            delegate.ledgerFailed(ticket: ticket, of: operation, with: failure)
        }
        let canSend = isReady || isStarting
        // Without Redis, writes fill a batch too: those of a tick are put into the journal together.
        guard canSend || (!verb.isDecision && journal != nil) else { return fail(noConnection) }
        if verb == .reserve, let failure = keyring.failure, !keyring.tokens.canSign { return fail(failure) }
        // Without Redis, the batch that is filling goes into the journal and keeps the order.
        if canSend, verb == .refund || verb == .cancel, journal?.hasBacklog == true || queue.hasHeldBack {
            let operation = BatchedOperation(verb: verb, amounts: amounts, scopes: plans, usedAt: usedAt)
            return holdBack(
                PendingWrite(
                    entry: JournalEntry(operation, terms, traits), delegate: delegate, ticket: ticket,
                    failed: FailedOperation(verb: verb, terms: terms, failsClosed: false)))
        }
        guard let batch = queue.batchToFill(in: keySpace.partition(of: plans, terms), at: .now()) else {
            return fail(.busy)
        }
        var times = OperationTimes(usedAt: usedAt)
        if terms != nil || usedAt != nil { times.now = redisTime }
        batch.append(
            verb, amounts, on: plans, terms: terms, times: times, traits: traits,
            arrivedAt: verb.isDecision ? arrival?.uptimeNanoseconds ?? 0 : 0, for: delegate, ticket: ticket)
        scheduleFlush()
    }

    /// Ends an operation whose scopes could not be looked up. Without the administrators' settings a decision could be wrong,
    /// and usage could be counted against the wrong limits: usage goes to the journal if Redis cannot be asked now.
    package func fail(
        _ verb: OperationVerb, _ amounts: Amounts, on plans: [ScopePlan], terms: OperationTerms?, usedAt: Int64? = nil,
        traits: [UInt8], with failure: LedgerFailure, arrival: NIODeadline, for delegate: any OperationDelegate,
        ticket: Int
    ) {
        if verb.isDecision {
            recordDecision(since: arrival)
        }
        let failed = FailedOperation(
            verb: verb, terms: terms, failsClosed: plans.contains { $0.set.failsClosed })
        guard !verb.isDecision, journal != nil, failure.allowsJournaling else {
            return delegate.ledgerFailed(ticket: ticket, of: failed, with: failure)
        }
        let operation = BatchedOperation(verb: verb, amounts: amounts, scopes: plans, usedAt: usedAt)
        holdBack(
            PendingWrite(
                entry: JournalEntry(operation, terms, traits), delegate: delegate, ticket: ticket, failed: failed))
    }

    /// Records the time of a decision that no batch was needed for.
    private func recordDecision(since arrival: NIODeadline) {
        tally.decisionTimes.record(
            Int64(bitPattern: NIODeadline.now().uptimeNanoseconds &- arrival.uptimeNanoseconds))
    }

    /// Reads the usage of a scope after the operations submitted before.
    package func readUsage(
        of plan: ScopePlan, completion: @escaping (Result<ScopeUsage, LedgerFailure>) -> Void
    ) {
        guard isReady || isStarting else { return completion(.failure(noConnection)) }
        // A usage read is a call of its own, so it goes with a batch of any partition.
        let partition = if let filling = queue.filling { filling.partition } else { plan.partition }
        guard let batch = queue.batchToFill(in: partition, at: .now()) else { return completion(.failure(.busy)) }
        batch.usageRequests.append(Batch.UsageRequest(plan: plan, completion: completion))
        scheduleFlush()
    }

    /// Whether a plan is in the batch that is filling.
    package func isFilling(with plan: ScopePlan) -> Bool { queue.filling?.number == plan.batchNumber }

    /// Calls `resume` later, when the batch that is filling now has been sent or has failed.
    package func afterFilling(_ resume: @escaping () -> Void) {
        waitingForBatch.append((queue.filling?.number ?? 0, resume))
        scheduleFlush()
    }

    /// Closes the batch that is filling if it has the plan; nil stands for any plan.
    package func closeBatch(with plan: ScopePlan? = nil) {
        if plan.map({ isFilling(with: $0) }) ?? true { queue.closeFilling() }
    }

    /// Returns a new id for a RESERVE, unique among all ledgers.
    package func makeReservationID() -> String {
        lastReservation += 1
        return "\(producers.base)-\(String(lastReservation, radix: 36))"
    }

    /// Whether Redis still remembers that the reservation was committed or cancelled, so that a second COMMIT or CANCEL
    /// is detected.
    package func canEnd(_ reservation: Reservation) -> Bool {
        redisTime < reservation.endsAt + Reservation.endRemembered
    }

    /// The full batches that wait until Redis has answered the one in flight.
    package var waitingBatches: Int { queue.waitingCount }

    /// Whether sessions may submit more requests, or should let them wait.
    package var hasRoom: Bool { queue.hasRoom(isConnected: isReady || isStarting) }

    /// Closes batches early for the next 100 ms. Called while clients with few requests wait for clients with many.
    package func keepBatchesShort() {
        queue.keepShort(until: .now() + .milliseconds(100))
    }

    // MARK: - Flushing

    /// Schedules ``flush()``. Within the loop's handling of I/O it runs when all reads of the tick have been handled.
    func scheduleFlush() {
        guard !isFlushScheduled, queue.inFlight == nil else { return }
        guard !isStarting else { return timeStart() }
        isFlushScheduled = true
        eventLoop.assumeIsolated().execute {
            self.isFlushScheduled = false
            self.flush()
        }
    }

    /// Sends or fails batches until one is in flight or none is left.
    func flush() {
        defer { onRoom() }
        while queue.inFlight == nil, let action = queue.next(conditions, hasBacklog: journal?.hasBacklog == true) {
            switch action {
            case .send(let batch): send(batch)
            case .fail(let batch, .notConnected): fail(batch, with: noConnection)
            case .fail(let batch, .waitedTooLong), .fail(let batch, .aheadOfJournal): fail(batch, with: .busy)
            }
        }
        if !waitingForBatch.isEmpty { resumeWaiting() }
    }

    private var conditions: BatchQueue.Conditions {
        .init(isStarting: isStarting, isConnected: isReady, oldest: oldestAllowed(at: .now()))
    }

    /// Resumes immediately, so that the resumed requests come first into the next batch.
    private func resumeWaiting() {
        let number = queue.filling?.number
        let ready = waitingForBatch.filter { $0.number != number }
        guard !ready.isEmpty else { return }
        waitingForBatch.removeAll { $0.number != number }
        for waiting in ready { waiting.resume() }
        onAnswersDelivered()
    }

    /// Whether a request that arrived at `time` has waited in the sidecar for longer than a request may.
    package func hasWaitedTooLong(since time: NIODeadline) -> Bool { time <= oldestAllowed(at: .now()) }

    /// The latest arrival that has waited too long. A stall of Redis does not count: waiting requests get their full time
    /// again from the moment the stall was noticed.
    private func oldestAllowed(at now: NIODeadline) -> NIODeadline {
        let oldest = now - deadline
        guard let stall = circuit.lastStall, stall > oldest else { return oldest }
        return .uptimeNanoseconds(0)
    }

    // MARK: - The first connection

    /// Whether the first attempt to connect is under way. Until it ends, and no longer than the deadline of the first
    /// operation, operations wait instead of being answered as in an outage.
    package var isStarting: Bool {
        guard isFirstAttempt else { return false }
        switch link.status {
        case .connecting, .ready: return true
        case .idle, .down, .refused, .unsupported, .closed: return false
        }
    }

    /// Calls `resume` later, when the first attempt to connect has ended. Called while ``isStarting``.
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
}
