import Foundation

/// One request of a load, with its effect on the counters.
struct LoadOperation: Sendable {
    enum Kind: Sendable {
        case check
        /// A CHECK that also names the scope with the tight limit.
        case tightCheck
        case record
        /// A RECORD with an id, which is sent until it is answered OK.
        case recordOnce
        /// A REFUND of a part of the initial usage, so that no counter reaches zero.
        case refund
        case reserve
        /// A RESERVE that also names the scope with a limit on concurrent reservations.
        case crowdedReserve
        case commit
        /// A CANCEL of a reservation that took a request, which it gives back.
        case cancel
        /// A CANCEL of a reservation made without Redis, which may have nothing to give back.
        case cancelDegraded

        /// Whether it counts once even if it is sent twice.
        var isRepeatable: Bool {
            switch self {
            case .recordOnce, .commit, .cancel, .cancelDegraded: true
            case .check, .tightCheck, .record, .refund, .reserve, .crowdedReserve: false
            }
        }
    }

    let kind: Kind
    let line: String
    let scopes: [LoadScope]
    let sums: CounterSums
    /// Whether it ends a reservation of the crowded scope and has not been sent yet.
    var vacates = false
}

/// A scope of a load.
struct LoadScope: Sendable, Hashable {
    let kind: String
    let id: String

    /// The scope as a request names it.
    var word: String { "\(kind)=\(id)" }

    /// The scope's hash in Redis.
    var key: String { "tollgate:\(kind):\(id)" }
}

/// Returns money as requests give it.
func moneyText(nanos: Int) -> String {
    "\(nanos / 1_000_000_000)." + String(format: "%09d", nanos % 1_000_000_000)
}
