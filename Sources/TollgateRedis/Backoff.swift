/// How long to wait before the next attempt: doubles from the shortest to the longest.
struct Backoff: Equatable {
    let shortest: Duration
    let longest: Duration

    /// The wait after so many failures in a row (1 for the first), as the given share (0...1) of the full wait. A
    /// random share keeps many links from coming back at the same moment.
    func delay(afterFailures failures: Int, share: Double = 1) -> Duration {
        var full = shortest
        for _ in 1..<max(failures, 1) where full < longest { full *= 2 }
        return min(full, longest) * share
    }
}
