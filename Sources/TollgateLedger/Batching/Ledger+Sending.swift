import NIOCore
import TollgateCore
import TollgateRedis

/// A batch on its way to Redis, and its answers on their way to whoever asked.
extension Ledger {
    func send(_ batch: Batch) {
        guard !batch.entries.isEmpty else { return finish(batch) }
        if batch.hasWrites, batch.identity == nil { batch.identity = producers.next() }
        let waiting = batch.isReplay ? nil : journal?.waiting
        // A script, where Redis has no functions, keeps nothing between calls.
        let known = link.usesFunctions ? knownSets : -1
        let arguments = batch.encoder.arguments(
            at: clock.now, as: batch.identity, waiting: waiting, fixedClock: fixedClock
        ) { $0.knownAs == known }
        counts.batches += 1
        counts.operations += batch.entries.count
        batch.sentAt = .now()
        scheduleDeadlineCheck(at: batch.sentAt + deadline)
        // Past the deadline the batch has been answered already.
        link.call(batchFunction, arguments, isWanted: { self.underWay === batch }) { result in
            guard self.underWay === batch else { return }
            guard batch.encoder.onlyPeeks, case .success(.error(let sentence)) = result,
                WriteRefusal(redisSaid: sentence) != nil
            else { return self.receive(result, for: batch) }
            self.onRedisError(sentence)
            self.peek(arguments, of: batch)
        }
    }

    /// Redis refuses a function that may write before it runs; one that only reads still works.
    private func peek(_ arguments: RedisFunctionArguments, of batch: Batch) {
        link.call(Self.peekFunction, arguments, isWanted: { self.underWay === batch }) { result in
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
            circuit.batchAnswered()
            switch reply.status {
            case .applied:
                for set in batch.encoder.sets { set.knownAs = knownSets }
                deliver(reply, to: batch)
            case .otherTime where batch.resent < 3:
                batch.resent += 1
                send(batch)
            case .otherTime: finish(batch, failure: .internal("Redis's clock and the calendar do not agree"))
            case .unknownSets where batch.resent < 3:
                batch.resent += 1
                knownSets += 1
                send(batch)
            case .unknownSets: finish(batch, failure: .internal("Redis does not know the limits that it was sent"))
            case .again: send(batch)
            case .appliedBefore: deliverAppliedBefore(batch, as: .ok)
            case .appliedBeforeInPart: deliverAppliedBefore(batch, as: .broken)
            }
        case .success(.error(let sentence)):
            onRedisError(sentence)
            finish(batch, failure: LedgerFailure(redisSaid: sentence))
        case .success: finish(batch, failure: .internal("the batch script's reply is not a string"))
        case .failure(.notConnected): finish(batch, failure: noConnection)
        case .failure(let error): finish(batch, failure: .unavailable(error.description), mayBeApplied: true)
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
                answer.makeExtras().token = tokens.token(of: reservation.made(at: reply.now, hits: reservation.hits))
            }
            entry.owner.ledgerAnswered(ticket: entry.ticket, with: answer)
        }
        let notices = reply.notices()
        if !notices.isEmpty { onNotices(notices) }
        hasEnded(batch)
        if !batch.isReplay { answeredBatches += 1 }
        if isDone { onAnswersDelivered() } else { readUsage(of: batch) }
    }

    /// Only what comes from the journal is sent twice, and that is nothing but facts.
    private func deliverAppliedBefore(_ batch: Batch, as outcome: Answer.Outcome) {
        underWay = nil
        flush()
        for entry in batch.entries { entry.owner.ledgerAnswered(ticket: entry.ticket, with: Answer(outcome: outcome)) }
        hasEnded(batch)
        onAnswersDelivered()
    }

    /// A batch that has no operations to ask about, or whose operations have failed.
    private func finish(_ batch: Batch, failure: LedgerFailure? = nil, mayBeApplied: Bool = false) {
        if let failure {
            fail(batch, with: failure, mayBeApplied: mayBeApplied)
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
        for request in batch.usageRequests {
            UsageRead(ledger: self, request: request) {
                batch.openReads -= 1
                if batch.openReads == 0 { self.endUnderWay() }
            }.start()
        }
    }

    private func endUnderWay() {
        if let batch = underWay { hasEnded(batch) }
        underWay = nil
        onAnswersDelivered()
        flush()
    }

    // MARK: - Failing

    /// Decisions, and what was asked of usage, fail at once; facts are kept where they can be. `mayBeApplied`: the batch was
    /// sent, and nobody knows what became of it.
    func fail(
        _ batch: Batch, from first: Int = 0, with failure: LedgerFailure, mayBeApplied: Bool = false
    ) {
        let isKept = first == 0 && batch.hasWrites && failure.mayBeJournaled && journal != nil && !batch.isReplay
        for (place, entry) in batch.entries.enumerated().dropFirst(first) {
            guard entry.verb.isDecision || !isKept else { continue }
            entry.owner.ledgerFailed(ticket: entry.ticket, of: batch.failedOperation(place), with: failure)
        }
        for request in batch.usageRequests { request.completion(.failure(failure)) }
        onAnswersDelivered()
        if mayBeApplied { cancelAbandoned(in: batch) }
        if isKept { keep(batch.facts, as: mayBeApplied ? batch.identity : nil, failure: failure) }
        if first == 0 { hasEnded(batch) }
    }
}
