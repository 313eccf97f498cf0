/// The intervals and limits of delivery.
package struct Timing: Sendable {
    /// The interval at which a receiver polls for events that no notification announced.
    package var poll = Duration.seconds(1)
    /// The duration of a lease.
    package var lease = Duration.seconds(3)
    /// The interval at which a lease is renewed.
    package var renewal = Duration.seconds(1)
    /// The timeout of an attempt.
    package var attempt = Duration.seconds(10)
    /// The first delay between attempts. Each further one is twice as long.
    package var firstRetry = Duration.seconds(1)
    /// The maximum delay between attempts.
    package var maxRetryDelay = Duration.seconds(300)
    /// The maximum delay that a receiver can request.
    package var maxRetryAfter = Duration.seconds(3_600)
    /// The time after the first attempt at which a failed delivery is dead-lettered.
    package var deadLetterAfter = Duration.seconds(86_400)

    /// The time before the start of the sidecar at which a new receiver's group starts. It covers events of a sidecar
    /// that was killed before it had created the group.
    package var reachBack = Duration.seconds(10)
    /// The maximum age of an event when it is first read. Older ones are dead-lettered.
    package var maxAge = Duration.seconds(86_400)

    package init() {}
}

extension Duration {
    /// Milliseconds, rounded down.
    var milliseconds: Int64 {
        components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
    }
}
