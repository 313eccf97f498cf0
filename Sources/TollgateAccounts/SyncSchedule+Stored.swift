import TollgatePolicy
import TollgateProviders
import TollgateStores

extension AccountReadings.State {
    init(_ state: SyncSchedule.State) {
        switch state {
        case .fresh: self = .fresh
        case .stale: self = .stale
        case .failing: self = .failing
        }
    }
}

extension SyncSchedule {
    /// Continues the schedule of an account that another sidecar may have read.
    init(_ state: AccountSyncState, of account: Account, now: Int64) {
        self.init(
            settings: Settings(interval: .seconds(account.interval)), lastSuccess: state.lastSuccess,
            nextAttempt: state.nextAttempt, failures: state.failures, now: now)
    }
}
