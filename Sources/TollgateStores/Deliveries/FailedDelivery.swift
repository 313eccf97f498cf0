import TollgateCore

/// A delivery that has failed so far, or was given up; as Redis keeps it, in JSON.
package struct FailedDelivery: Sendable, Hashable, Codable {
    /// The id of the alert.
    package var alert: String
    /// What happened to it: `opened`, `acknowledged` or `resolved`.
    package var event: String
    /// How often it was tried.
    package var attempts: Int
    /// When it was tried first: Unix ms, Redis's clock.
    package var firstAt: Int64
    /// When it is tried again: Unix ms, Redis's clock.
    package var nextAt: Int64
    /// Why the last attempt failed: a few words without secrets.
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
