package import NIOCore
package import TollgateCore
import TollgatePolicy
import TollgateRedis

/// Putting writes that cannot reach Redis into the journal, and replaying them.
extension Ledger {
    /// Adds writes to the journal, with the time at which they arrived, and acknowledges them once they are on disk.
    ///
    /// - Parameter identity: The identity under which the writes were sent, if Redis may have applied them.
    func journal(_ writes: [PendingWrite], as identity: BatchIdentity?, failure: LedgerFailure) {
        var writes = writes
        let unit = keySpace.moneyUnit
        for index in writes.indices {
            if writes[index].entry.at == nil { writes[index].entry.at = redisTime }
            writes[index].entry.decimals = unit == .nano ? nil : unit.decimals
        }
        guard let journal, let payload = JournalEntry.text(of: writes.map(\.entry)) else {
            return fail(writes, with: failure)
        }
        if let identity { producers.setAside(identity) }
        journal.waiting.add(writes.map(\.entry))
        let here = NIOLoopBound((self, writes), eventLoop: eventLoop)
        journal.append(
            payload, operations: writes.count, identity: identity, isBarrier: writes.contains { $0.isBarrier }
        ) { result in
            here.eventLoop.execute {
                let (ledger, writes) = here.value
                ledger.journalFinished(result, writes, as: identity, failure)
            }
        }
    }

    private func journalFinished(
        _ result: Result<Void, JournalError>, _ writes: [PendingWrite], as identity: BatchIdentity?,
        _ failure: LedgerFailure
    ) {
        switch result {
        case .success:
            for write in writes {
                write.delegate.ledgerAnswered(
                    ticket: write.ticket, with: Answer(to: write.failed.verb, outcome: .queued))
            }
            onAnswersDelivered()
            onJournaled()
        case .failure(let error):
            if let identity { producers.release(identity) }
            journal?.waiting.remove(writes.map(\.entry))
            fail(writes, with: identity == nil ? failure.and(error) : failure)
        }
    }

    private func fail(_ writes: [PendingWrite], with failure: LedgerFailure) {
        for write in writes { write.delegate.ledgerFailed(ticket: write.ticket, of: write.failed, with: failure) }
        onAnswersDelivered()
    }

    /// Cancels the reservations of RESERVEs that were answered with an error but may have been applied: no client has their
    /// tokens. RESERVEs that were answered with an ALLOW without Redis keep theirs.
    func cancelAbandoned(in batch: Batch) {
        let indices = batch.terms.filter { $1.reserving != nil && batch.entries[$0].failsClosed }.keys.sorted()
        guard !indices.isEmpty else { return }
        let operations = batch.encoder.batchedOperations()
        let delegate = AbandonedReserve(ledger: self)
        let cancels = indices.compactMap { index -> PendingWrite? in
            guard let reservation = batch.terms[index]?.reserving else { return nil }
            let terms = OperationTerms.ending(
                reservation.made(at: Reservation.unknownTime, requests: reservation.requests))
            let operation = BatchedOperation(verb: .cancel, amounts: Amounts(), scopes: operations[index].scopes)
            return PendingWrite(
                entry: JournalEntry(operation, terms, Array(reservation.traits.utf8)), delegate: delegate, ticket: 0,
                failed: FailedOperation(verb: .cancel, terms: terms, failsClosed: false))
        }
        for record in Self.records(of: cancels) {
            journal(record, as: nil, failure: .unavailable("the outcome of the reservation is unknown"))
        }
    }

    /// Journals a write after all batches and entries that exist now. The held-back writes of a tick make one record.
    func holdBack(_ write: PendingWrite) {
        guard queue.holdBack(write) else { return }
        eventLoop.assumeIsolated().execute { self.journalHeldBack(through: 0) }
    }

    /// Journals the held-back writes that waited for a batch, which has ended. Called in the order of the batches'
    /// numbers.
    func hasEnded(_ batch: Batch) {
        if queue.hasHeldBack { journalHeldBack(through: batch.number) }
    }

    private func journalHeldBack(through number: Int) {
        for record in Self.records(of: queue.releaseHeldBack(through: number)) {
            journal(record, as: nil, failure: .unavailable("earlier writes are still being replayed from the journal"))
        }
    }

    /// Splits writes into records of the journal. A record is replayed as one batch.
    private static func records(of writes: [PendingWrite]) -> [[PendingWrite]] {
        var records: [[PendingWrite]] = []
        var batch: JournaledBatch?
        for write in writes {
            if batch?.add([write.entry]) != true {
                records.append([])
                batch = JournaledBatch([write.entry])
            }
            records[records.count - 1].append(write)
        }
        return records
    }

    /// Releases the identity of a batch from the journal once it has been applied or rejected permanently.
    package func replayed(_ identity: BatchIdentity) {
        producers.release(identity)
        countedReplays[identity] = nil
    }

    /// Returns the scopes of a journal record.
    package func scopes(in record: Journal.Record) -> [Scope] {
        Set((record.entries ?? []).lazy.flatMap(\.scopes)).compactMap { try? Scope(parsing: $0) }
    }

    /// Asks Redis for the number of the last batch of a producer that it has applied.
    ///
    /// - Returns: 0 if Redis has no number, nil if it cannot be asked now, and the largest number if the key holds something else.
    package func lastApplied(of producer: String) -> EventLoopFuture<Int64?> {
        guard isReady else { return eventLoop.makeSucceededFuture(nil) }
        let promise = eventLoop.makePromise(of: Int64?.self)
        let sentAt = NIODeadline.now()
        // Each partition has a number of its own: what one of them has applied may have been applied.
        let keys = keySpace.allPartitions.map { keySpace.lastBatch(of: producer, in: $0) }
        var numbers: [Int64?] = []
        for key in keys {
            link.send(["GET", key], deadline: sentAt + deadline) { result in
                if case .failure(.timedOut) = result { self.replyIsLate(sentAt: sentAt) }
                numbers.append(Self.lastApplied(result))
                guard numbers.count == keys.count else { return }
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

    /// Sends a record of the journal under its identity, each partition's operations in a batch of their own. These batches
    /// share the identity, as each partition keeps the last number that was applied.
    ///
    /// - Parameters:
    ///   - plan: Returns the current plan of a scope.
    ///   - delegate: Is notified of each operation; its ticket is its index in the record.
    /// - Returns: Whether the record could be read.
    func replay(
        _ record: Journal.Record, plan: (Scope, UserTraits) -> ScopePlan, for delegate: ReplayedRecord
    ) -> Bool {
        guard let stored = record.entries, stored.count == record.operations else { return false }
        let unit = keySpace.moneyUnit
        let converted = stored.map { entry in
            Result { () throws(JournalEntry.NotRepresentable) in try entry.converted(to: unit) }
        }
        let entries = zip(converted, stored).map { (try? $0.get()) ?? $1 }
        let operations = entries.compactMap(\.operation)
        guard operations.count == entries.count else { return false }
        // Traits that had one plan when this was sent may have two now: the first decides.
        var chosen: [String: ScopePlan] = [:]
        var replayed: [(index: Int, plans: [ScopePlan], partition: KeySpace.Partition?)] = []
        for (index, entry) in entries.enumerated() {
            if case .failure(let error) = converted[index] {
                delegate.cannotApply(error.description, ticket: index)
                continue
            }
            let operation = operations[index]
            let traits = UserTraits(bytes: Array((entry.traits ?? "").utf8))
            // A hold also counts against scopes that have lost their limits since it was reserved.
            let keepsInert = operation.verb == .commit || operation.verb == .cancel
            let plans = entry.scopes.compactMap { text -> ScopePlan? in
                if chosen[text] == nil, let scope = try? Scope(parsing: text) { chosen[text] = plan(scope, traits) }
                return chosen[text].flatMap { keepsInert || !$0.isInert ? $0 : nil }
            }
            if let conflict = keySpace.conflict(among: plans) {
                delegate.cannotApply(conflict, ticket: index)
            } else {
                replayed.append((index, plans, keySpace.partition(of: plans, operation.terms)))
            }
        }
        for part in Dictionary(grouping: replayed, by: \.partition).values {
            let batch = queue.appendReplay(in: part[0].partition, at: .now())
            batch.identity = record.identity
            for (index, plans, _) in part {
                let operation = operations[index]
                var times = OperationTimes(usedAt: entries[index].at)
                times.now = redisTime
                batch.append(
                    operation.verb, operation.amounts, on: plans, terms: operation.terms, times: times, for: delegate,
                    ticket: index)
            }
        }
        scheduleFlush()
        return true
    }
}

extension LedgerFailure {
    /// The failure of a write that was neither applied nor journaled.
    fileprivate func and(_ error: JournalError) -> LedgerFailure {
        switch self {
        case .unavailable(let why), .refused(let why), .unsupported(let why), .internal(let why):
            .unavailable("\(why); \(error)")
        case .timeout: .unavailable("no answer within the deadline; \(error)")
        case .busy: .busy
        }
    }
}

/// The delegate of the CANCEL of an abandoned RESERVE: no client waits for it.
private final class AbandonedReserve: OperationDelegate {
    private weak var ledger: Ledger?

    init(ledger: Ledger) {
        self.ledger = ledger
    }

    func ledgerAnswered(ticket: Int, with answer: borrowing Answer) {}

    /// The hold expires by itself.
    func ledgerFailed(ticket: Int, of operation: FailedOperation, with failure: LedgerFailure) {
        ledger?.counts.holdsNotCancelled += 1
    }
}
