import TollgateCore
import TollgateLedger
import TollgateStores

extension ReceiverRunner {
    /// Tells the receiver, once.
    mutating func attempt(_ delivery: WaitingDeliveries.Delivery) async throws(StoreError) {
        let begun = lease.now
        switch await outcomeUnderLease(delivery.entry) {
        case .delivered:
            waiting.remove(delivery.entry.id)
            unconfirmed.insert(delivery.entry.id)
            endOutage()
            reporter.delivered(isAnyFailing: waiting.isAnyFailing)
        case .failed(let failure):
            // What was broken off by the end of this sidecar was no failure of the receiver.
            guard !Task.isCancelled else { return }
            reporter.failed(failure)
            try await postpone(delivery, failure, begun: begun)
        case nil: return
        }
    }

    /// Nil where the lease ended first. Then another sidecar may tell the same receiver, so the attempt is broken off; that is no failure
    /// of the receiver.
    private func outcomeUnderLease(_ entry: AlertEntry) async -> DeliveryOutcome? {
        await withTaskGroup(of: DeliveryOutcome?.self) { [sink, lease] group in
            group.addTask { await sink.deliver(entry) }
            group.addTask {
                await lease.waitForEnd()
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            guard first == nil else { return first }
            // It may have taken it all the same.
            let last = await group.next() ?? nil
            return last == .delivered ? last : nil
        }
    }

    private mutating func postpone(
        _ delivery: WaitingDeliveries.Delivery, _ failure: DeliveryFailure, begun: Int64
    ) async throws(StoreError) {
        let (id, rule, now) = (delivery.entry.id, RetryRule(timing: timing), lease.now)
        let share = Double.random(in: 0.5...1)
        if let next = rule.outage(after: failure, earlier: outage, begun: begun, now: now, share: share) {
            outage = next
            hasOutageEnded = false
        } else {
            // It answers, whatever it thinks of this one.
            endOutage()
        }
        let step = rule.step(
            after: failure, of: delivery.entry, earlier: delivery.failure, begun: begun, now: now, share: share)
        switch step {
        case .again(let note):
            waiting.postpone(id, note)
            if try await !queue.note(note, of: id, by: lease.sidecar) { return lease.lose() }
        case .deadLetter(let note): try await deadLetter(note, of: id, why: note.lastError)
        }
        guard let outage else { return }
        if try await !queue.note(outage, by: lease.sidecar) { return lease.lose() }
        try await giveUp(after: outage, failure, now: now)
    }

    private mutating func endOutage() {
        hasOutageEnded = hasOutageEnded || outage != nil
        outage = nil
    }

    /// Where one attempt is made for all, its failure is the failure of all: also of those whose turn does not come in time.
    private mutating func giveUp(
        after outage: ReceiverOutage, _ failure: DeliveryFailure, now: Int64
    ) async throws(StoreError) {
        let start = now - timing.giveUp.milliseconds
        guard outage.since <= start else { return }
        for delivery in waiting.those(from: start) where lease.isHeld {
            let entry = delivery.entry
            let untried = FailedDelivery(
                alert: entry.alert.id, event: entry.event.rawValue, attempts: 0, firstAt: 0, nextAt: 0, lastError: "")
            try await deadLetter(delivery.failure ?? untried, of: entry.id, why: failure.sentence)
        }
    }

    /// Gives it up.
    mutating func deadLetter(_ failure: FailedDelivery, of id: String, why: String) async throws(StoreError) {
        var failure = failure
        failure.lastError = why
        guard try await queue.deadLetter(failure, of: id, by: lease.sidecar) else { return lease.lose() }
        waiting.remove(id)
        reporter.deadLettered(failure, id: id)
    }
}
