/// An exponential backoff: the delay doubles with each failure, from the shortest to the longest.
package struct Backoff: Equatable, Sendable {
    /// The delay after the first failure.
    package let shortest: Duration
    /// The upper bound of the delay.
    package let longest: Duration

    /// Creates a backoff between two delays.
    package init(shortest: Duration, longest: Duration) {
        self.shortest = shortest
        self.longest = longest
    }

    /// Returns the delay after a number of consecutive failures (1 for the first), multiplied by a share in 0...1.
    ///
    /// A random share keeps many links from reconnecting at the same moment.
    package func delay(afterFailures failures: Int, share: Double = 1) -> Duration {
        var full = shortest
        for _ in 1..<max(failures, 1) where full < longest { full *= 2 }
        return min(full, longest) * share
    }
}
