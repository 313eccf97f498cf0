package import NIOCore
package import TollgateCore
import TollgatePolicy
import TollgateRedis

/// Facts that could not reach Redis, on their way into the journal and back.
extension Ledger {
    /// Puts facts into the journal, with the time at which they came, and only then acknowledges them. `identity`: as what they were
    /// sent, where nobody knows whether they were applied.
    func keep(_ facts: [PendingWrite], as identity: BatchIdentity?, failure: LedgerFailure) {
        var facts = facts
        for index in facts.indices where facts[index].operation.at == nil { facts[index].operation.at = redisTime }
        guard let journal, let payload = JournalEntry.text(of: facts.map(\.operation)) else {
            return answer(facts, failed: failure)
        }
        if let identity { producers.setAside(identity) }
        journal.waiting.add(facts.map(\.operation))
        let here = NIOLoopBound((self, facts), eventLoop: eventLoop)
        journal.append(
            payload, operations: facts.count, identity: identity, isBarrier: facts.contains { $0.isBarrier }
        ) { result in
            here.eventLoop.execute {
                let (ledger, facts) = here.value
                ledger.journalAnswered(result, facts, as: identity, failure)
            }
        }
    }

    /// Frees what was perhaps reserved by a RESERVE that was answered with an error: nobody has its token. Those that were answered
    /// with an ALLOW without Redis do.
    func cancelAbandoned(in batch: Batch) {
        let places = batch.terms.filter { $1.reserving != nil && batch.entries[$0].failsClosed }.keys.sorted()
        guard !places.isEmpty else { return }
        let operations = batch.encoder.batchedOperations()
        let owner = AbandonedReserve(ledger: self)
        let facts = places.compactMap { place -> PendingWrite? in
            guard let reservation = batch.terms[place]?.reserving else { return nil }
            let terms = OperationTerms.settling(reservation.made(at: Reservation.unknownTime, hits: reservation.hits))
            let operation = BatchedOperation(verb: .cancel, amounts: Amounts(), scopes: operations[place].scopes)
            return PendingWrite(
                operation: JournalEntry(operation, terms, Array(reservation.traits.utf8)), owner: owner, ticket: 0,
                failed: FailedOperation(verb: .cancel, terms: terms, failsClosed: false))
        }
        for portion in Self.records(of: facts) {
            keep(portion, as: nil, failure: .unavailable("whether it was reserved is not known"))
        }
    }

    /// What takes back queues up behind what is still to be added, in the journal and in batches: taken back first, it would
    /// stop at zero. Those of a tick make one record.
    func queueUp(_ fact: PendingWrite) {
        queuedUp.append((fact, behind: (filling ?? full.last ?? underWay)?.number ?? 0))
        guard queuedUp.count == 1, queuedUp[0].behind == 0 else { return }
        eventLoop.assumeIsolated().execute { self.putQueuedUp(through: 0) }
    }

    /// Called in the order of the batches' numbers.
    func hasEnded(_ batch: Batch) {
        if !queuedUp.isEmpty { putQueuedUp(through: batch.number) }
    }

    /// `number`: of the last batch that has ended.
    private func putQueuedUp(through number: Int) {
        let ready = queuedUp.prefix { $0.behind <= number }.map(\.fact)
        queuedUp.removeFirst(ready.count)
        for portion in Self.records(of: ready) {
            keep(portion, as: nil, failure: .unavailable("what came before is being replayed"))
        }
    }

    /// A record is replayed as one batch.
    private static func records(of facts: [PendingWrite]) -> [[PendingWrite]] {
        var records: [[PendingWrite]] = []
        var batch: JournaledBatch?
        for fact in facts {
            if batch?.add([fact.operation]) != true {
                records.append([])
                batch = JournaledBatch([fact.operation])
            }
            records[records.count - 1].append(fact)
        }
        return records
    }

    private func journalAnswered(
        _ result: Result<Void, JournalError>, _ facts: [PendingWrite], as identity: BatchIdentity?,
        _ failure: LedgerFailure
    ) {
        switch result {
        case .success:
            for fact in facts { fact.owner.ledgerAnswered(ticket: fact.ticket, with: Answer(outcome: .queued)) }
            onAnswersDelivered()
            onKept()
        case .failure(let error):
            if let identity { producers.release(identity) }
            journal?.waiting.remove(facts.map(\.operation))
            answer(facts, failed: identity == nil ? failure.and(error) : failure)
        }
    }

    private func answer(_ facts: [PendingWrite], failed failure: LedgerFailure) {
        for fact in facts { fact.owner.ledgerFailed(ticket: fact.ticket, of: fact.failed, with: failure) }
        onAnswersDelivered()
    }

    /// A batch from the journal was applied, or set aside for good.
    package func replayed(_ identity: BatchIdentity) {
        producers.release(identity)
    }

    /// Those that a record of the journal is about.
    package func scopes(in record: Journal.Record) -> [Scope] {
        Set((record.entries ?? []).lazy.flatMap(\.scopes)).compactMap { try? Scope(parsing: $0) }
    }

    /// Asks Redis for the number of the last batch of a producer that it has applied: 0 where it knows of none, nil where it cannot
    /// be asked now. The largest number where Redis has something else in that place: then nothing is known.
    package func lastApplied(of producer: String) -> EventLoopFuture<Int64?> {
        guard isReady else { return eventLoop.makeSucceededFuture(nil) }
        let promise = eventLoop.makePromise(of: Int64?.self)
        var deadline: ReplyDeadline?
        deadline = ReplyDeadline(self) {
            guard let sentAt = deadline?.sentAt else { return }
            deadline = nil
            promise.succeed(nil)
            self.replyIsLate(sentAt: sentAt)
        }
        // Each partition keeps its own: what one of them has applied may have been applied.
        let keys = keySpace.allPartitions.map { keySpace.lastBatch(of: producer, in: $0) }
        var numbers: [Int64?] = []
        for key in keys {
            var command = ByteBuffer()
            RedisCommand.encode("GET", key, into: &command)
            link.send(command) { result in
                guard let current = deadline else { return }
                numbers.append(Self.lastApplied(result))
                guard numbers.count == keys.count else { return }
                current.cancel()
                deadline = nil
                promise.succeed(numbers.contains(nil) ? nil : numbers.compactMap { $0 }.max())
            }
        }
        return promise.futureResult
    }

    private static func lastApplied(_ result: Result<RedisReply, RedisError>) -> Int64? {
        switch result {
        case .success(.null): return 0
        case .success(.bulk(let text)): return Int64(String(buffer: text).prefix { $0 != " " }) ?? .max
        case .success(.error(let sentence)):
            if case .internal = LedgerFailure(redisSaid: sentence) { return .max }
            return nil
        case .success: return .max
        case .failure: return nil
        }
    }

    /// Sends a record of the journal as what it was sent before, if it was: each partition's operations in a batch of their own. These
    /// have the same identity, as each partition keeps what was applied last. `plan` finds the scopes of now. The owner is told of each
    /// of its operations, with their places as tickets. Returns whether the record could be read.
    func replay(
        _ record: Journal.Record, plan: (Scope, UserTraits) -> ScopePlan, for owner: ReplayedRecord
    ) -> Bool {
        guard let kept = record.entries, kept.count == record.operations else { return false }
        let operations = kept.compactMap(\.operation)
        guard operations.count == kept.count else { return false }
        // Of traits that had one plan when this was sent as a batch, and have two by now, the first decides.
        var chosen: [String: ScopePlan] = [:]
        var replayed: [(place: Int, plans: [ScopePlan], partition: KeySpace.Partition?)] = []
        for (place, kept) in kept.enumerated() {
            let operation = operations[place]
            let traits = UserTraits(bytes: Array((kept.traits ?? "").utf8))
            // What is held is held of scopes without limits too: those that they had when it was reserved.
            let keepsInert = operation.verb == .commit || operation.verb == .cancel
            let plans = kept.scopes.compactMap { text -> ScopePlan? in
                if chosen[text] == nil, let scope = try? Scope(parsing: text) { chosen[text] = plan(scope, traits) }
                return chosen[text].flatMap { keepsInert || !$0.isInert ? $0 : nil }
            }
            if let conflict = keySpace.conflict(among: plans) {
                owner.cannotApply(conflict, ticket: place)
            } else {
                replayed.append((place, plans, keySpace.partition(of: plans, operation.terms)))
            }
        }
        for part in Dictionary(grouping: replayed, by: \.partition).values {
            let batch = batchToReplay(in: part[0].partition)
            batch.isReplay = true
            batch.identity = record.identity
            for (place, plans, _) in part {
                let operation = operations[place]
                var times = OperationTimes(usedAt: kept[place].at)
                times.now = redisTime
                batch.append(
                    operation.verb, operation.amounts, on: plans, terms: operation.terms, times: times, for: owner,
                    ticket: place)
            }
            full.append(batch)
        }
        scheduleFlush()
        return true
    }
}

extension LedgerFailure {
    /// Not applied, and not kept either.
    fileprivate func and(_ error: JournalError) -> LedgerFailure {
        switch self {
        case .unavailable(let why), .refused(let why), .unsupported(let why), .internal(let why):
            .unavailable("\(why); \(error)")
        case .timeout: .unavailable("no answer within the deadline; \(error)")
        case .busy: .busy
        }
    }
}

/// Nobody waits for the CANCEL of a RESERVE that was given up.
private final class AbandonedReserve: OperationDelegate {
    private weak var ledger: Ledger?

    init(ledger: Ledger) {
        self.ledger = ledger
    }

    func ledgerAnswered(ticket: Int, with answer: borrowing Answer) {}

    /// What it holds ends by itself.
    func ledgerFailed(ticket: Int, of operation: FailedOperation, with failure: LedgerFailure) {
        ledger?.counts.holdsNotCancelled += 1
    }
}
