import TollgateLedger
import TollgateStores

extension StoreError {
    /// Whether it is Redis that did not answer, and not what it said.
    var maySucceedLater: Bool {
        switch self {
        case .notConnected, .unavailable, .unknownOutcome: true
        default: false
        }
    }

    /// The same, where doing it twice would not be doing it once.
    var changedNothingYet: Bool {
        switch self {
        case .notConnected, .unavailable: true
        default: false
        }
    }
}
