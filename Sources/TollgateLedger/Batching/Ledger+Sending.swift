import NIOCore
import TollgateCore
import TollgateRedis

/// Sending a batch to Redis, and handing out its answers.
extension Ledger {
    func send(_ batch: Batch) {
        guard !batch.entries.isEmpty else { return finish(batch) }
        if batch.hasWrites, batch.identity == nil { batch.identity = producers.next() }
        let waiting = batch.isReplay ? nil : journal?.waiting
        // A script, used where Redis has no functions, keeps nothing between calls.
        let known = link.usesFunctions ? knownSets : -1
        let arguments = batch.encoder.arguments(
            at: clock.now, as: batch.identity, waiting: waiting, fixedClock: fixedClock
        ) { $0.knownGeneration == known }
        counts.batches += 1
        counts.operations += batch.entries.count
        tally.batchSizes.record(Int64(batch.entries.count))
        batch.sentAt = .now()
        link.call(batchFunction, arguments, deadline: batch.sentAt + deadline) { result in
            guard batch.encoder.onlyPeeks, case .success(.error(let sentence)) = result,
                WriteRefusal(redisSaid: sentence) != nil
            else { return self.receive(result, for: batch) }
            self.onRedisError(sentence)
            self.peek(arguments, of: batch)
        }
    }

    /// Retries a PEEK-only batch with the read-only function. While Redis rejects writes, it also rejects
    /// every function that is not flagged `no-writes`.
    private func peek(_ arguments: RedisFunctionArguments, of batch: Batch) {
        link.call(Self.peekFunction, arguments, deadline: batch.sentAt + deadline) { self.receive($0, for: batch) }
    }

    private func receive(_ result: Result<RedisReply, RedisError>, for batch: Batch) {
        switch result {
        case .success(.bulk(let bytes)):
            guard let reply = BatchReply(bytes, plans: batch.encoder.plans) else {
                return finish(batch, failure: .internal("malformed reply from the batch function"))
            }
            clock.synchronize(with: reply.now)
            circuit.batchAnswered()
            switch reply.status {
            case .applied:
                for set in batch.encoder.sets { set.knownGeneration = knownSets }
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
        case .success: finish(batch, failure: .internal("the reply from the batch function is not a string"))
        case .failure(.notConnected): finish(batch, failure: noConnection)
        case .failure(.timedOut): batchIsLate(batch)
        case .failure(let error): finish(batch, failure: .unavailable(error.description), mayBeApplied: true)
        }
    }

    private func batchIsLate(_ batch: Batch) {
        queue.finishInFlight()
        let verdict = circuit.replyIsLate(sentAt: batch.sentAt, now: .now())
        fail(batch, with: .timeout, mayBeApplied: true)
        act(on: verdict)
        flush()
    }

    private func deliver(_ reply: BatchReply, to batch: Batch) {
        // The next batch goes first: Redis works on it while the answers to this one are written.
        let isDone = batch.usageRequests.isEmpty
        if isDone {
            queue.finishInFlight()
            flush()
        }
        var reply = reply
        var outcomes: [Answer.Outcome] = []
        let now = NIODeadline.now().uptimeNanoseconds
        tally.roundTrips.record(Int64(bitPattern: now &- batch.sentAt.uptimeNanoseconds))
        for (index, entry) in batch.entries.enumerated() {
            guard var answer = reply.next(to: entry.verb) else {
                fail(batch, from: index, with: .internal("the reply from the batch function ends early"))
                break
            }
            if answer.outcome == .allow, let reservation = batch.terms[index]?.reserving {
                let made = reservation.made(at: reply.now, requests: reservation.requests)
                answer.makeExtras().token = keyring.tokens.token(of: made)
            }
            if entry.arrivedAt != 0 { tally.decisionTimes.record(Int64(bitPattern: now &- entry.arrivedAt)) }
            if batch.hasWrites { outcomes.append(answer.outcome) }
            entry.delegate.ledgerAnswered(ticket: entry.ticket, with: answer)
        }
        let notices = reply.notices()
        if !notices.isEmpty { onNotices(notices) }
        hasEnded(batch)
        if !batch.isReplay { answeredBatches += 1 }
        if isDone { onAnswersDelivered() } else { readUsage(of: batch) }
        // After the replies, as it decodes the operations. A reply that ended early has fewer outcomes than operations.
        if batch.hasWrites {
            countUsage(of: batch) { $0 < outcomes.count && (outcomes[$0] == .ok || outcomes[$0] == .late) }
        }
    }

    /// Answers a batch that Redis has applied before. Only batches from the journal are sent twice, and those have only writes.
    private func deliverAppliedBefore(_ batch: Batch, as outcome: Answer.Outcome) {
        queue.finishInFlight()
        flush()
        for entry in batch.entries {
            entry.delegate.ledgerAnswered(ticket: entry.ticket, with: Answer(to: entry.verb, outcome: outcome))
        }
        if outcome == .ok, let identity = batch.identity, !isCounted(identity, in: batch.partition) {
            countUsage(of: batch) { _ in true }
        }
        hasEnded(batch)
        onAnswersDelivered()
    }

    /// Counts the usage that writes of a batch have added. The encoder has the amounts still.
    ///
    /// A record of the journal with several partitions is sent again as a whole if one of them does not answer, so those
    /// that did are noted until all have.
    private func countUsage(of batch: Batch, isApplied: (Int) -> Bool) {
        if batch.isReplay, let identity = batch.identity {
            countedReplays[identity, default: []].append(batch.partition)
        }
        for (index, operation) in batch.encoder.batchedOperations().enumerated() {
            guard operation.verb == .record || operation.verb == .commit, isApplied(index) else { continue }
            for plan in operation.scopes where plan.isStored {
                for meter in Meter.allCases {
                    if let amount = operation.amounts[meter] { tally.countUsage(of: plan, meter, amount) }
                }
            }
        }
    }

    private func isCounted(_ identity: BatchIdentity, in partition: KeySpace.Partition?) -> Bool {
        countedReplays[identity]?.contains(partition) ?? false
    }

    /// Ends a batch without operations, or one whose operations have failed.
    private func finish(_ batch: Batch, failure: LedgerFailure? = nil, mayBeApplied: Bool = false) {
        if let failure {
            fail(batch, with: failure, mayBeApplied: mayBeApplied)
        } else if !batch.usageRequests.isEmpty {
            return readUsage(of: batch)
        }
        endInFlight()
    }

    private func endInFlight() {
        if let batch = queue.inFlight { hasEnded(batch) }
        queue.finishInFlight()
        onAnswersDelivered()
        flush()
    }

    // MARK: - Usage

    /// Reads the usage that a batch was asked for before the next batch is sent. This bounds the usage reads in flight.
    private func readUsage(of batch: Batch) {
        batch.openReads = batch.usageRequests.count
        onAnswersDelivered()
        for request in batch.usageRequests {
            readUsage(request, sentAt: .now()) {
                batch.openReads -= 1
                if batch.openReads == 0 { self.endInFlight() }
            }
        }
    }

    private func readUsage(
        _ request: Batch.UsageRequest, sentAt: NIODeadline, attempt: Int = 1, onEnd: @escaping () -> Void
    ) {
        let plan = UsagePlan(request.plan, scope: request.plan.scope, at: clock.now)
        let call = UsageCall([plan], keySpace: keySpace, fixedClock: fixedClock)
        link.call(UsageCall.function, call.arguments, deadline: sentAt + deadline) { result in
            switch call.outcome(result) {
            case .usage(let usages): request.completion(.success(usages[0]))
            case .otherTime(let now) where attempt <= 3:
                self.clock.synchronize(with: now)
                return self.readUsage(request, sentAt: sentAt, attempt: attempt + 1, onEnd: onEnd)
            case .otherTime: request.completion(.failure(.internal("Redis's clock and the calendar do not agree")))
            case .failed(let failure): request.completion(.failure(failure))
            }
            // Gives up the connection, if at all, before the next batch could be sent on it.
            if case .failure(.timedOut) = result { self.replyIsLate(sentAt: sentAt) }
            onEnd()
        }
    }

    // MARK: - Failing

    /// Fails decisions and usage reads immediately. Writes go to the journal if the failure allows it.
    ///
    /// - Parameters:
    ///   - first: The index of the first operation that has no answer.
    ///   - mayBeApplied: Whether the batch was sent and Redis may have applied it.
    func fail(
        _ batch: Batch, from first: Int = 0, with failure: LedgerFailure, mayBeApplied: Bool = false
    ) {
        let isJournaled =
            first == 0 && batch.hasWrites && failure.allowsJournaling && journal != nil && !batch.isReplay
        let now = NIODeadline.now().uptimeNanoseconds
        for (index, entry) in batch.entries.enumerated().dropFirst(first) {
            guard entry.verb.isDecision || !isJournaled else { continue }
            if entry.arrivedAt != 0 { tally.decisionTimes.record(Int64(bitPattern: now &- entry.arrivedAt)) }
            entry.delegate.ledgerFailed(ticket: entry.ticket, of: batch.failedOperation(index), with: failure)
        }
        for request in batch.usageRequests { request.completion(.failure(failure)) }
        onAnswersDelivered()
        if mayBeApplied { cancelAbandoned(in: batch) }
        if isJournaled { journal(batch.writes, as: mayBeApplied ? batch.identity : nil, failure: failure) }
        if first == 0 { hasEnded(batch) }
    }
}
