import NIOCore

/// Keeps a client from hammering a sidecar that is away: after a failure no new connection is tried for a while, which doubles
/// with each failure in a row, from 25 ms up to 1 s, give or take a quarter. Pure.
struct Backoff {
    private var failures = 0
    private var notBefore = NIODeadline.uptimeNanoseconds(0)

    /// Whether a connection may be tried.
    func allows(_ now: NIODeadline) -> Bool { now >= notBefore }

    /// How long to wait before a connection may be tried; zero where it may be at once.
    func wait(from now: NIODeadline) -> TimeAmount { max(.zero, notBefore - now) }

    /// - Parameter jitter: 0.75 … 1.25
    mutating func failed(_ now: NIODeadline, jitter: Double) {
        let milliseconds = min(1_000, 25 << min(failures, 6))
        failures += 1
        notBefore = now + .nanoseconds(Int64(Double(milliseconds) * jitter * 1_000_000))
    }

    mutating func succeeded() {
        failures = 0
        notBefore = .uptimeNanoseconds(0)
    }
}
