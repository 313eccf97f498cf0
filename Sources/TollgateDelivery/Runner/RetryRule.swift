import TollgateCore
import TollgateLedger
import TollgateRedis
import TollgateStores

/// When a delivery that has failed is tried again, or given up, and for how long a receiver is left alone that fails as a whole. Pure.
///
/// What a receiver refuses for good is tried too, at the slowest pace: a wrong token or path gets mended, and then nothing is lost.
struct RetryRule {
    enum Step: Equatable {
        case again(FailedDelivery)
        case deadLetter(FailedDelivery)
    }

    let timing: Timing

    /// - Parameters:
    ///   - earlier: of earlier attempts; nil for the first.
    ///   - begun: when this attempt began, Unix ms.
    ///   - now: Unix ms.
    ///   - share: of the wait, 0.5 … 1, so that many do not come back at the same moment.
    func step(
        after failure: DeliveryFailure, of entry: AlertEntry, earlier: FailedDelivery?, begun: Int64, now: Int64,
        share: Double
    ) -> Step {
        let firstAt = earlier?.firstAt ?? begun
        let attempts = (earlier?.attempts ?? 0) + 1
        let end = firstAt + timing.giveUp.milliseconds
        let wait = delay(after: failure, attempts: attempts, share: share)
        let note = FailedDelivery(
            alert: entry.alert.id, event: entry.event.rawValue, attempts: attempts, firstAt: firstAt,
            // Once more when the time is up.
            nextAt: min(now + wait.milliseconds, end), lastError: failure.sentence)
        return now >= end ? .deadLetter(note) : .again(note)
    }

    /// Whatever waits for the receiver, one attempt is made each step of this.
    ///
    /// - Parameter earlier: of the attempts right before this one; nil where the last one did not fail so.
    /// - Returns: nil where the failure is about one delivery, and says nothing of others.
    func outage(
        after failure: DeliveryFailure, earlier: ReceiverOutage?, begun: Int64, now: Int64, share: Double
    ) -> ReceiverOutage? {
        guard !failure.isPermanent else { return nil }
        let failures = (earlier?.failures ?? 0) + 1
        let wait = delay(after: failure, attempts: failures, share: share)
        return ReceiverOutage(
            failures: failures, since: earlier?.since ?? begun, notBefore: now + wait.milliseconds)
    }

    private func delay(after failure: DeliveryFailure, attempts: Int, share: Double) -> Duration {
        let asked = min(failure.retryAfter ?? .zero, timing.maxRetryAfter)
        guard !failure.isPermanent else { return max(timing.slowestRetry * share, asked) }
        let backoff = Backoff(minDelay: timing.firstRetry, maxDelay: timing.slowestRetry)
        return max(backoff.delay(afterFailures: attempts, jitter: share), asked)
    }
}
