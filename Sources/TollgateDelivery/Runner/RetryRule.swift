import TollgateCore
import TollgateLedger
import TollgateRedis
import TollgateStores

/// The rule by which failed deliveries are retried or dead-lettered, and by which a failing receiver is left alone.
/// Pure.
///
/// Permanent failures are retried too, at the maximum delay. A wrong token or path may be corrected, and then no alert
/// is lost.
struct RetryRule {
    enum Step: Equatable {
        case retry(FailedDelivery)
        case deadLetter(FailedDelivery)
    }

    let timing: Timing

    /// Returns the next step for a delivery that has failed.
    ///
    /// - Parameters:
    ///   - earlier: The failure of earlier attempts; nil for the first attempt.
    ///   - begun: The start of this attempt, Unix ms.
    ///   - now: Unix ms.
    ///   - share: The share of the delay to wait, 0.5 … 1, so that many deliveries are not retried at the same time.
    func step(
        after failure: DeliveryFailure, of entry: AlertEntry, earlier: FailedDelivery?, begun: Int64, now: Int64,
        share: Double
    ) -> Step {
        let firstAt = earlier?.firstAt ?? begun
        let attempts = (earlier?.attempts ?? 0) + 1
        let end = firstAt + timing.deadLetterAfter.milliseconds
        let wait = delay(after: failure, attempts: attempts, share: share)
        let failed = FailedDelivery(
            alert: entry.alert.id, event: entry.event.rawValue, attempts: attempts, firstAt: firstAt,
            // The last attempt is made when the time is up.
            nextAt: min(now + wait.milliseconds, end), lastError: failure.sentence)
        return now >= end ? .deadLetter(failed) : .retry(failed)
    }

    /// Returns the outage of the receiver as a whole. During an outage, one attempt is made per delay, however many
    /// deliveries wait.
    ///
    /// - Parameter earlier: The outage before this attempt; nil if there was none.
    /// - Returns: Nil if the failure concerns one delivery only.
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
        let requested = min(failure.retryAfter ?? .zero, timing.maxRetryAfter)
        guard !failure.isPermanent else { return max(timing.maxRetryDelay * share, requested) }
        let backoff = Backoff(minDelay: timing.firstRetry, maxDelay: timing.maxRetryDelay)
        return max(backoff.delay(afterFailures: attempts, jitter: share), requested)
    }
}
