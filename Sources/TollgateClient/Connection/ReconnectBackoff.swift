import NIOCore
import TollgateCore

/// The pause between connections to a sidecar that is down: 25 ms after the first failure, doubled with each failure in
/// a row up to 1 s, give or take a quarter. Owned by the link.
struct ReconnectBackoff {
    private static let backoff = Backoff(minDelay: .milliseconds(25), maxDelay: .seconds(1))

    private var failures = 0
    private var notBefore = NIODeadline.uptimeNanoseconds(0)

    /// Whether a connection may be tried.
    func allows(_ now: NIODeadline) -> Bool { now >= notBefore }

    /// The time until a connection may be tried; zero if it may be tried now.
    func wait(from now: NIODeadline) -> TimeAmount { max(.zero, notBefore - now) }

    /// Records a failed connection.
    ///
    /// - Parameter jitter: 0.75 … 1.25
    mutating func failed(_ now: NIODeadline, jitter: Double) {
        failures += 1
        notBefore = now + TimeAmount(Self.backoff.delay(afterFailures: failures, jitter: jitter))
    }

    /// Records a reply, which ends the pause.
    mutating func succeeded() {
        failures = 0
        notBefore = .uptimeNanoseconds(0)
    }
}
