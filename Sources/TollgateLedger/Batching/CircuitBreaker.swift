import NIOCore

/// Stops requests from each waiting up to their deadline for a Redis that does not answer in time. Pure; owned by the
/// ledger.
///
///     open → halfOpen → closed        halfOpen, closed → open
///
/// Open: there is no connection, or an untrusted one, and nothing is sent. A new connection is tested with one probe (half
/// open), which has the same deadline as a request. Requests are sent again (closed) once it is answered in time.
///
/// One late reply does not open the circuit, as Redis may have stalled for a moment; the second in a row does. Replies that
/// the same stall has delayed count as one.
struct CircuitBreaker {
    enum State: Equatable {
        case open
        case halfOpen
        case closed
    }

    /// The meaning of a late reply.
    enum Verdict: Equatable {
        /// The first late reply in a row: the connection is kept and tested.
        case first
        /// The reply was delayed by a stall that is known already.
        case sameStall
        /// The circuit opens, and the connection must be closed.
        case opened
    }

    /// The maximum pause before a probe, in ms. The pause grows while Redis answers probes but no batches.
    private static let maxPause: Int64 = 500

    private(set) var state = State.open
    /// The number of stalls since a batch was last answered in time.
    private var stalls = 0
    /// The time at which the last stall was noticed.
    private(set) var lastStall: NIODeadline?

    /// Returns the pause before a new connection is probed, in ms.
    func pauseBeforeProbe() -> Int64 {
        let failures = stalls - 1
        return failures < 2 ? 0 : min(Self.maxPause, 25 << min(failures, 5))
    }

    mutating func probeSent() { state = .halfOpen }

    /// Closes the circuit, as the probe was answered in time.
    mutating func probeAnswered() { if state == .halfOpen { state = .closed } }

    mutating func connectionEnded() { state = .open }

    /// Records that the reply to a command sent at `time` is late.
    mutating func replyIsLate(sentAt time: NIODeadline, now: NIODeadline) -> Verdict {
        if let lastStall, time < lastStall { return .sameStall }
        lastStall = now
        stalls += 1
        guard stalls > 1 else { return .first }
        state = .open
        return .opened
    }

    mutating func batchAnswered() { stalls = 0 }
}
