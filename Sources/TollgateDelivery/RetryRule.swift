import TollgateCore
import TollgateLedger
import TollgateRedis

/// When a delivery that has failed is tried again, or given up. Pure.
///
/// What a receiver refuses for good is tried too, at the slowest pace: a wrong token or path gets mended, and then nothing is lost.
struct RetryRule {
    enum Step: Equatable {
        case again(FailedDelivery)
        case park(FailedDelivery)
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
        var wait = delay(after: failure, attempts: attempts, share: share)
        if let asked = failure.retryAfter { wait = max(wait, min(asked, timing.longestRetryAfter)) }
        let note = FailedDelivery(
            alert: entry.alert.id, event: entry.event.rawValue, attempts: attempts, firstAt: firstAt,
            // Once more when the time is up.
            nextAt: min(now + wait.milliseconds, end), lastError: failure.sentence)
        return now >= end ? .park(note) : .again(note)
    }

    private func delay(after failure: DeliveryFailure, attempts: Int, share: Double) -> Duration {
        guard !failure.isPermanent else { return timing.slowestRetry * share }
        return Backoff(shortest: timing.firstRetry, longest: timing.slowestRetry)
            .delay(afterFailures: attempts, share: share)
    }
}
