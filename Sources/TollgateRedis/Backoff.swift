/// How long to wait before the next attempt: doubles from the shortest to the longest.
package struct Backoff: Equatable, Sendable {
    package let shortest: Duration
    package let longest: Duration

    package init(shortest: Duration, longest: Duration) {
        self.shortest = shortest
        self.longest = longest
    }

    /// The wait after so many failures in a row (1 for the first), as the given share (0...1) of the full wait. A
    /// random share keeps many links from coming back at the same moment.
    package func delay(afterFailures failures: Int, share: Double = 1) -> Duration {
        var full = shortest
        for _ in 1..<max(failures, 1) where full < longest { full *= 2 }
        return min(full, longest) * share
    }
}
