/// Keeps requests from waiting, each up to its deadline, for a Redis that does not answer in time. Pure; owned by the ledger.
///
///     open → halfOpen → closed        halfOpen, closed → open
///
/// Open: there is no connection, or none that is trusted, and nothing is sent. A new connection is tried with one probe (half
/// open), which has as long as any request. Only when it is answered in time requests are sent again (closed).
struct CircuitBreaker {
    enum State: Equatable {
        case open
        case halfOpen
        case closed
    }

    /// A Redis that answers probes and no batches is tried less and less often.
    private static let longestPause: Int64 = 500

    private(set) var state = State.open
    /// Batches in a row that were not answered in time.
    private var timeouts = 0

    /// There is a connection. Returns how many milliseconds later it is to be tried.
    func pauseBeforeProbe() -> Int64 {
        timeouts < 2 ? 0 : min(Self.longestPause, 25 << min(timeouts, 5))
    }

    mutating func probeSent() { state = .halfOpen }

    /// The probe was answered in time.
    mutating func probeAnswered() { if state == .halfOpen { state = .closed } }

    mutating func connectionEnded() { state = .open }

    /// Nothing is sent until a probe has been answered again.
    mutating func batchTimedOut() {
        state = .open
        timeouts += 1
    }

    mutating func batchAnswered() { timeouts = 0 }
}
