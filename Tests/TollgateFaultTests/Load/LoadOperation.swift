import Foundation

/// One request of a load and what it does to the counters when it is done.
struct LoadOperation: Sendable {
    enum Kind: Sendable {
        case check
        /// A CHECK that also names the scope with the tight limit.
        case tightCheck
        case record
        /// A RECORD with an id, which is sent until it is answered OK.
        case recordOnce
        /// Of a part of what was recorded before the faults, so that no counter gets to zero.
        case refund
        case reserve
        /// A RESERVE that also names the scope with a limit of concurrent ones.
        case crowdedReserve
        case commit
        /// Of a reservation that took a request: gives it back.
        case cancel
        /// Of one that was given without Redis: there may be nothing to give back.
        case cancelDegraded

        /// Whether doing it twice counts once.
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
    /// Whether it gives up a place of the crowded scope and has not been sent yet.
    var vacates = false
}

/// A scope of a load.
struct LoadScope: Sendable, Hashable {
    let kind: String
    let id: String

    /// As a request names it.
    var word: String { "\(kind)=\(id)" }

    /// Its hash in Redis.
    var key: String { "tollgate:\(kind):\(id)" }
}

/// Money as requests name it.
func moneyText(nanos: Int) -> String {
    "\(nanos / 1_000_000_000)." + String(format: "%09d", nanos % 1_000_000_000)
}
