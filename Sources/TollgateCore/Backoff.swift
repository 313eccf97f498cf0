/// An exponential backoff: the delay before the next attempt doubles with each failure in a row, up to a maximum. Pure.
package struct Backoff: Equatable, Sendable {
    /// The delay after the first failure.
    package let minDelay: Duration
    /// The delay after many failures.
    package let maxDelay: Duration

    package init(minDelay: Duration, maxDelay: Duration) {
        self.minDelay = minDelay
        self.maxDelay = maxDelay
    }

    /// The delay after a number of failures in a row, 1 for the first.
    ///
    /// - Parameter jitter: A random factor of the caller. It spreads the retries of clients that failed together.
    package func delay(afterFailures failures: Int, jitter: Double = 1) -> Duration {
        var delay = minDelay
        for _ in 1..<max(failures, 1) where delay < maxDelay { delay *= 2 }
        return min(delay, maxDelay) * jitter
    }
}
