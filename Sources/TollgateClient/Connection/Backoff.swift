import NIOCore

/// The reconnect backoff of one connection. It starts at 25 ms and doubles with each consecutive failure up to 1 s,
/// each ±25 %. Pure.
struct Backoff {
    private var failures = 0
    private var notBefore = NIODeadline.uptimeNanoseconds(0)

    /// Whether a connection attempt is allowed.
    func allows(_ now: NIODeadline) -> Bool { now >= notBefore }

    /// Returns the time until a connection attempt is allowed.
    func wait(from now: NIODeadline) -> TimeAmount { max(.zero, notBefore - now) }

    /// Records a failed attempt.
    ///
    /// - Parameter jitter: 0.75 … 1.25.
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
