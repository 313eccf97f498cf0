/// The outcome of a test message to a receiver.
package struct ReceiverTest: Sendable, Equatable {
    /// The reason why the message was not delivered, without secrets; nil if it was.
    package var failure: String?
    /// The HTTP status of the response; nil if there was none.
    package var status: Int?
    /// The time from the start of the attempt to its outcome.
    package var duration: Duration

    package init(failure: String?, status: Int?, duration: Duration) {
        self.failure = failure
        self.status = status
        self.duration = duration
    }
}

/// Sends a test message to a receiver, and returns the outcome.
package typealias ReceiverTester = @Sendable (AlertReceiver) async -> ReceiverTest

/// The deliveries to a receiver that an administrator has put forward.
package struct DeliveryRetry: Sendable, Equatable {
    /// The number of failed deliveries that are tried now.
    package var retried = 0
    /// The number of dead-lettered deliveries that are queued again.
    package var requeued = 0
    /// The number of dead-lettered deliveries whose events are no longer in the stream. They remain dead-lettered.
    package var unavailable = 0

    package init(retried: Int = 0, requeued: Int = 0, unavailable: Int = 0) {
        self.retried = retried
        self.requeued = requeued
        self.unavailable = unavailable
    }
}
