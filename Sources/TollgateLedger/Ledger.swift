import DequeModule
import LuaScripts
package import NIOCore
package import TollgateCore
package import TollgateRedis

/// The way to the counters in Redis: gathers operations into batches, has one batch under way at a time, and hands each answer
/// to whoever asked. An idle ledger sends at the end of the tick; a busy one fills the next batch while it waits.
///
/// Owned by one event loop, like the link beneath it; ledgers share nothing.
package final class Ledger {
    /// Batches that may wait behind the one that fills; past it operations fail with `.busy`.
    static let waitingBatches = 64

    package static let batchScript = RedisScript(name: "batch", source: LuaScripts.batch)
    package static let usageScript = RedisScript(name: "usage", source: LuaScripts.usage)
    /// What a link for a ledger has to load.
    package static let scripts = [batchScript, usageScript]

    package let eventLoop: any EventLoop
    let link: RedisLink
    /// What every key in Redis starts with.
    let namespace: String
    let deadline: TimeAmount
    /// Names this ledger, as the sender of batches and the maker of reservations; no other ledger's.
    let producer = String(UInt64.random(in: .min ... .max), radix: 16)
    private var lastSequence: Int64 = 0
    private var lastReservation = 0

    var clock = RedisClock()
    private var lastBatchNumber = 0
    private var filling: Batch?
    private var full = Deque<Batch>()
    private var underWay: Batch?
    private var isFlushScheduled = false
    private var isDeadlineCheckScheduled = false

    /// Called when the answers of a batch have been handed out, so that each asker writes them at once.
    package var onAnswersDelivered: () -> Void = {}

    /// Operations and batches sent since the start.
    package private(set) var counts = LedgerCounts()

    package init(link: RedisLink, eventLoop: any EventLoop, namespace: String, deadline: TimeAmount) {
        self.link = link
        self.namespace = namespace
        self.eventLoop = eventLoop
        self.deadline = deadline
    }

    /// Tests set the time that the scripts take for the present one, Unix ms.
    package var fixedClock: Int64? {
        get { clock.fixed }
        set { clock.fixed = newValue }
    }

    /// Adds an operation to the batch that fills. `plans` are the scopes it is about, without the inert ones; with none left
    /// there is nothing to decide or count, and the answer comes at once.
    package func submit(
        _ verb: OperationVerb, _ amounts: Amounts, on plans: [ScopePlan], terms: OperationTerms? = nil,
        for owner: any OperationOwner, ticket: Int
    ) {
        guard !plans.isEmpty || terms != nil else {
            return owner.ledgerAnswered(ticket: ticket, with: Answer(outcome: verb.isDecision ? .allow : .ok))
        }
        func fail(_ failure: LedgerFailure) {
            let failsClosed = plans.contains { $0.set.failsClosed }
            let operation = FailedOperation(verb: verb, terms: terms, failsClosed: failsClosed)
            owner.ledgerFailed(ticket: ticket, of: operation, with: failure)
        }
        guard link.isReady else { return fail(noConnection) }
        guard let batch = batchToFill() else { return fail(.busy) }
        batch.append(verb, amounts, on: plans, terms: terms, for: owner, ticket: ticket)
        scheduleFlush()
    }

    /// Reads what a scope has used, after the operations submitted before.
    package func readUsage(
        of plan: ScopePlan, completion: @escaping (Result<ScopeUsage, LedgerFailure>) -> Void
    ) {
        guard link.isReady else { return completion(.failure(noConnection)) }
        guard let batch = batchToFill() else { return completion(.failure(.busy)) }
        batch.usageRequests.append(Batch.UsageRequest(plan: plan, completion: completion))
        scheduleFlush()
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
        return "\(producer)-\(String(lastReservation, radix: 36))"
    }

    /// Whether COMMIT and CANCEL still find out that a reservation was settled before.
    package func canSettle(_ reservation: Reservation) -> Bool {
        redisTime < reservation.endsAt + Reservation.settledWithin
    }

    /// What Redis's clock probably says now, Unix ms.
    package var redisTime: Int64 { clock.now }

    private func nextIdentity() -> BatchIdentity {
        lastSequence += 1
        return BatchIdentity(producer: producer, sequence: lastSequence)
    }

    // MARK: - Filling

    /// Nil when too many batches wait.
    private func batchToFill() -> Batch? {
        if let batch = filling {
            guard batch.isFull else { return batch }
            guard full.count < Self.waitingBatches else { return nil }
            full.append(batch)
        }
        lastBatchNumber += 1
        let batch = Batch(number: lastBatchNumber, namespace: namespace, deadline: .now() + deadline)
        filling = batch
        scheduleDeadlineCheck(at: batch.deadline)
        return batch
    }

    /// From within the loop's handling of I/O this runs when all of the tick's reads have been handled.
    private func scheduleFlush() {
        guard !isFlushScheduled, underWay == nil else { return }
        isFlushScheduled = true
        eventLoop.assumeIsolated().execute {
            self.isFlushScheduled = false
            self.flush()
        }
    }

    private func flush() {
        guard underWay == nil else { return }
        guard let batch = full.popFirst() ?? filling else { return }
        if batch === filling { filling = nil }
        guard link.isReady else {
            fail(batch, with: noConnection)
            return flush()
        }
        underWay = batch
        send(batch)
    }

    // MARK: - Sending

    private func send(_ batch: Batch) {
        guard !batch.entries.isEmpty else { return finish(batch) }
        var command = ByteBuffer()
        if batch.hasFacts, batch.identity == nil { batch.identity = nextIdentity() }
        batch.encoder.write(at: clock.now, as: batch.identity, fixedClock: fixedClock, into: &command)
        counts.batches += 1
        counts.operations += batch.entries.count
        link.evaluate(Self.batchScript, command) { result in
            // Past the deadline the batch has been answered already.
            guard self.underWay === batch else { return }
            self.receive(result, for: batch)
        }
    }

    private func receive(_ result: Result<RedisReply, RedisError>, for batch: Batch) {
        switch result {
        case .success(.bulk(let bytes)):
            guard let reply = BatchReply(bytes, plans: batch.encoder.plans) else {
                return finish(batch, failure: .internal("the batch script's reply cannot be read"))
            }
            clock.redisSaid(reply.now)
            switch reply.status {
            case .applied: deliver(reply, to: batch)
            case .otherTime where batch.resent < 3:
                batch.resent += 1
                send(batch)
            case .otherTime: finish(batch, failure: .internal("Redis's clock and the calendar do not agree"))
            case .appliedBefore: finish(batch, failure: .internal("Redis has applied another batch as this one"))
            }
        case .success(.error(let sentence)): finish(batch, failure: LedgerFailure(redisSaid: sentence))
        case .success: finish(batch, failure: .internal("the batch script's reply is not a string"))
        case .failure(let error): finish(batch, failure: .unavailable(error.description))
        }
    }

    private func deliver(_ reply: BatchReply, to batch: Batch) {
        // The next batch goes first: Redis works on it while the answers to this one are written.
        let isDone = batch.usageRequests.isEmpty
        if isDone {
            underWay = nil
            flush()
        }
        var reply = reply
        for (place, entry) in batch.entries.enumerated() {
            guard var answer = reply.next() else {
                fail(batch, from: place, with: .internal("the batch script's reply ends early"))
                break
            }
            if answer.outcome == .allow, let reservation = batch.terms[place]?.reserving {
                answer.reservation = reservation.made(at: reply.now, hits: reservation.hits)
            }
            entry.owner.ledgerAnswered(ticket: entry.ticket, with: answer)
        }
        if isDone { onAnswersDelivered() } else { readUsage(of: batch) }
    }

    /// A batch that has no operations to ask about, or whose operations have failed.
    private func finish(_ batch: Batch, failure: LedgerFailure? = nil) {
        if let failure {
            fail(batch, with: failure)
        } else if !batch.usageRequests.isEmpty {
            return readUsage(of: batch)
        }
        endUnderWay()
    }

    /// What a batch asked of usage is read before the next one goes: so many readings and no more are under way at a time.
    private func readUsage(of batch: Batch) {
        batch.isReadingUsage = true
        batch.openReads = batch.usageRequests.count
        onAnswersDelivered()
        let deadline = NIODeadline.now() + deadline
        for request in batch.usageRequests {
            UsageRead(ledger: self, request: request, deadline: deadline) {
                batch.openReads -= 1
                if batch.openReads == 0 { self.endUnderWay() }
            }.start()
        }
    }

    private func endUnderWay() {
        underWay = nil
        onAnswersDelivered()
        flush()
    }

    // MARK: - Failing

    /// A Redis that refuses our password is no outage: nothing passes on its account.
    private var noConnection: LedgerFailure {
        if case .refused(let reason) = link.status { return .internal("Redis refuses the connection: \(reason)") }
        return .unavailable(link.stateDescription)
    }

    private func fail(_ batch: Batch, with failure: LedgerFailure) {
        fail(batch, from: 0, with: failure)
        for request in batch.usageRequests { request.completion(.failure(failure)) }
        onAnswersDelivered()
    }

    private func fail(_ batch: Batch, from first: Int, with failure: LedgerFailure) {
        for (place, entry) in batch.entries.enumerated().dropFirst(first) {
            let operation = FailedOperation(
                verb: entry.verb, terms: batch.terms[place], failsClosed: entry.failsClosed)
            entry.owner.ledgerFailed(ticket: entry.ticket, of: operation, with: failure)
        }
    }

    /// One timer for all batches, so that a request costs none.
    private func scheduleDeadlineCheck(at deadline: NIODeadline) {
        guard !isDeadlineCheckScheduled else { return }
        isDeadlineCheckScheduled = true
        eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            self.isDeadlineCheckScheduled = false
            self.checkDeadlines()
        }
    }

    private func checkDeadlines() {
        let now = NIODeadline.now()
        if let batch = underWay, !batch.isReadingUsage, batch.deadline <= now {
            underWay = nil
            fail(batch, with: .timeout)
            giveUpConnection()
        }
        while let batch = full.first ?? filling, batch.deadline <= now {
            if full.popFirst() == nil { filling = nil }
            fail(batch, with: .timeout)
        }
        flush()
        // Readings of usage have deadlines of their own.
        let answerable = underWay.flatMap { $0.isReadingUsage ? nil : $0 }
        if let next = answerable ?? full.first ?? filling { scheduleDeadlineCheck(at: next.deadline) }
    }

    /// After a reply that did not come in time. Replies come in order: none of those behind it can be waited for.
    func giveUpConnection() {
        link.disconnect(reason: "no reply within \(deadline.milliseconds) ms")
    }
}

/// What a ledger has sent since the start.
package struct LedgerCounts: Sendable {
    package var operations = 0
    package var batches = 0
}

extension TimeAmount {
    var milliseconds: Int64 { nanoseconds / 1_000_000 }
}

extension LedgerFailure {
    /// Redis's own refusals that mean «not now» are an outage; any other error is a fault.
    init(redisSaid sentence: String) {
        let passing = [
            "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "BUSY", "OOM", "MISCONF", "TRYAGAIN", "NOREPLICAS",
        ]
        let code = sentence.prefix { $0 != " " }
        self = passing.contains(String(code)) ? .unavailable(sentence) : .internal(sentence)
    }
}
