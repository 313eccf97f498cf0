import NIOCore

/// Keeps requests from waiting, each up to its deadline, for a Redis that does not answer in time. Pure; owned by the ledger.
///
///     open → halfOpen → closed        halfOpen, closed → open
///
/// Open: there is no connection, or none that is trusted, and nothing is sent. A new connection is tried with one probe (half
/// open), which has as long as any request. Only when it is answered in time requests are sent again (closed).
///
/// One late reply does not open it, as Redis may only have been held up for a moment: the second in a row does. Replies that
/// one stall has made late count as one.
struct CircuitBreaker {
    enum State: Equatable {
        case open
        case halfOpen
        case closed
    }

    /// The meaning of a late reply.
    enum Verdict: Equatable {
        /// The first in a row: the connection is kept, and tried.
        case first
        /// The stall is known already.
        case sameStall
        /// The connection is to be given up.
        case opened
    }

    /// A Redis that answers probes and no batches is tried less and less often.
    private static let maxPause: Int64 = 500

    private(set) var state = State.open
    /// Stalls since a batch was last answered in time.
    private var stalls = 0
    /// When the last stall was noticed.
    private(set) var lastStall: NIODeadline?

    /// There is a connection. Returns how many milliseconds later it is to be tried.
    func pauseBeforeProbe() -> Int64 {
        let failures = stalls - 1
        return failures < 2 ? 0 : min(Self.maxPause, 25 << min(failures, 5))
    }

    mutating func probeSent() { state = .halfOpen }

    /// The probe was answered in time.
    mutating func probeAnswered() { if state == .halfOpen { state = .closed } }

    mutating func connectionEnded() { state = .open }

    /// What was sent at `time` has not been answered in time. Once open, nothing is sent until a probe has been answered.
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
