import TollgateCore

/// A delivery that has failed so far, or that was dead-lettered. Redis stores it as JSON.
package struct FailedDelivery: Sendable, Hashable, Codable {
    /// The id of the alert.
    package var alert: String
    /// The event: `opened`, `acknowledged` or `resolved`.
    package var event: String
    /// The number of attempts.
    package var attempts: Int
    /// The time of the first attempt, Unix ms of Redis's clock.
    package var firstAt: Int64
    /// The time of the next attempt, Unix ms of Redis's clock.
    package var nextAt: Int64
    /// The failure of the last attempt, without secrets.
    package var lastError: String

    private enum CodingKeys: String, CodingKey {
        case alert, event, attempts
        case firstAt = "first_at"
        case nextAt = "next_at"
        case lastError = "last_error"
    }

    package init(
        alert: String, event: String, attempts: Int, firstAt: Int64, nextAt: Int64, lastError: String
    ) {
        self.alert = alert
        self.event = event
        self.attempts = attempts
        self.firstAt = firstAt
        self.nextAt = nextAt
        self.lastError = lastError
    }
}

/// An outage of a receiver as a whole, in contrast to a single failed delivery. Redis stores it as JSON.
package struct ReceiverOutage: Sendable, Hashable, Codable {
    /// The number of consecutive failures.
    package var failures: Int
    /// The time of the first failure, Unix ms of Redis's clock.
    package var since: Int64
    /// The earliest time of the next attempt, Unix ms of Redis's clock.
    package var notBefore: Int64

    private enum CodingKeys: String, CodingKey {
        case failures, since
        case notBefore = "not_before"
    }

    package init(failures: Int, since: Int64, notBefore: Int64) {
        self.failures = failures
        self.since = since
        self.notBefore = notBefore
    }
}
