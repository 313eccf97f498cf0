/// Counts what clients do wrong by the address that it comes from, in fixed minutes. Holds a bounded number of addresses: past it,
/// those that are not known yet count as one. Pure.
struct FailureCounter {
    static let maxAddresses = 4_096

    enum Verdict: Equatable {
        /// One of the first in this minute.
        case counted
        /// The first one that is too many.
        case firstRefused(retryAfter: Int)
        case refused(retryAfter: Int)
    }

    /// The failures a minute that are not too many.
    let max: Int
    private var minute = 0
    private var failures: [String: Int] = [:]

    init(max: Int) {
        self.max = max
    }

    /// Notes a failure. `seconds` is a clock that goes forward only.
    mutating func note(_ address: String, atSecond seconds: Int) -> Verdict {
        if minute != seconds / 60 {
            minute = seconds / 60
            failures.removeAll()
        }
        let isKnown = failures[address] != nil || failures.count < Self.maxAddresses
        let count = failures[isKnown ? address : "", default: 0] + 1
        failures[isKnown ? address : ""] = min(count, max + 2)
        let wait = 60 - seconds % 60
        if count <= max { return .counted }
        return count == max + 1 ? .firstRefused(retryAfter: wait) : .refused(retryAfter: wait)
    }
}
