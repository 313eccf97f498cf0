import Foundation
import NIOCore
import Synchronization
import TollgateCore
package import TollgatePolicy
import TollgateStores

/// The policy by which a sidecar decides: the policy file, merged with the administrators' settings. Installs each new
/// version in all workers. Usable from any task.
package final class ActivePolicy: Sendable {
    /// The policy of the file alone, and the active policy.
    package struct Policies: Sendable {
        package var file: Policy
        package var effective: Policy
    }

    private struct State {
        var policies: Policies
        /// The prices of the price file, and their currency if it names one.
        var prices: PriceTable
        var priceCurrency: String?
        var priceInfo: InfoReport.PriceState
        /// The administrators' settings; nil until they have been read.
        var stored: StoredShared?
        var info: InfoReport.PolicyState
        var reloadFailures = ReloadFailures()
    }

    /// The reloads that failed since the start, each with another error than the one before.
    package struct ReloadFailures: Sendable {
        package var policy = 0
        package var prices = 0
    }

    private let workers: [NIOLoopBound<Worker>]
    private let state: Mutex<State>

    /// - Parameters:
    ///   - policy: The policy of the file, which the workers were created with.
    ///   - file: The path of the file, for STATUS.
    ///   - source: The price file; nil for none.
    init(
        _ policy: Policy, file: String?, prices source: PriceSource?, workers: [NIOLoopBound<Worker>]
    ) {
        self.workers = workers
        let prices = source?.table ?? PriceTable()
        let effective = policy.priced(with: prices)
        state = Mutex(
            State(
                policies: Policies(file: policy, effective: effective), prices: prices,
                priceCurrency: source?.currency,
                priceInfo: InfoReport.PriceState(
                    file: source?.path, loadedAt: Date.now.ISO8601Format(), models: effective.prices.count),
                info: InfoReport.PolicyState(
                    file: file, loadedAt: Date.now.ISO8601Format(), digest: PolicyDigest.text(of: effective),
                    decimals: policy.moneyUnit.decimals)))
    }

    package var policies: Policies { state.withLock { $0.policies } }

    /// The administrators' settings; nil until they have been read.
    var stored: StoredShared? { state.withLock { $0.stored } }

    /// The digest of the active policy and price files.
    package var digest: String { state.withLock { $0.info.digest } }

    /// The state for STATUS, without subscription and peers.
    var info: InfoReport.PolicyState {
        state.withLock { state in
            var info = state.info
            info.revision = state.stored?.revision
            return info
        }
    }

    // MARK: - Policy file

    /// Replaces the policy of the file.
    package func install(_ policy: Policy) {
        state.withLock { state in
            state.policies.file = policy
            state.info.digest = PolicyDigest.text(of: policy.priced(with: state.prices))
            state.info.loadedAt = Date.now.ISO8601Format()
            state.info.error = nil
        }
        installMerged()
    }

    /// Records that the file could not be reloaded. Returns whether the error differs from the last one.
    func reloadFailed(_ error: String) -> Bool {
        state.withLock { state in
            defer { state.info.error = error }
            if state.info.error != error { state.reloadFailures.policy += 1 }
            return state.info.error != error
        }
    }

    package var reloadFailures: ReloadFailures { state.withLock { $0.reloadFailures } }

    // MARK: - Price file

    /// The state of the prices for STATUS, without the requests.
    var priceInfo: InfoReport.PriceState {
        state.withLock { state in
            var info = state.priceInfo
            info.models = state.policies.effective.prices.count
            return info
        }
    }

    /// Replaces the prices of the price file. Costs that were computed before do not change.
    package func install(_ source: PriceSource) {
        state.withLock { state in
            state.prices = source.table
            state.priceCurrency = source.currency
            state.info.digest = PolicyDigest.text(of: state.policies.file.priced(with: source.table))
            state.priceInfo.loadedAt = Date.now.ISO8601Format()
            state.priceInfo.error = nil
        }
        installMerged()
    }

    /// The currency that the price file names; nil for none.
    var priceCurrency: String? { state.withLock { $0.priceCurrency } }

    /// Records that the price file could not be reloaded. Returns whether the error differs from the last one.
    package func priceReloadFailed(_ error: String) -> Bool {
        state.withLock { state in
            defer { state.priceInfo.error = error }
            if state.priceInfo.error != error { state.reloadFailures.prices += 1 }
            return state.priceInfo.error != error
        }
    }

    // MARK: - Administrators' settings

    /// Replaces the administrators' settings.
    func install(_ stored: StoredShared) {
        let isNew = state.withLock { state in
            defer { state.stored = stored }
            return state.stored?.policy != stored.policy
        }
        if isNew { installMerged() }
    }

    /// Updates the kinds of scopes that have settings. Tiers and assignments may be unchanged.
    func learn(_ kinds: Set<ScopeKind>) {
        let isNew = state.withLock { state in
            guard state.stored != nil else { return false }
            defer { state.stored?.kinds = kinds }
            return state.stored?.kinds != kinds
        }
        if isNew { installMerged() }
        workers.execute { $0.learn(kinds) }
    }

    /// Invalidates what the workers know of a scope's settings; of all scopes if it is nil.
    func settingsChanged(of scope: Scope?) {
        workers.execute { $0.settingsChanged(of: scope) }
    }

    /// Fails requests that wait for settings which cannot be read.
    func settingsAreUnreadable(_ sentence: String) {
        workers.execute { $0.lookup.policyIsBroken(sentence) }
    }

    private func installMerged() {
        state.withLock { state in
            let file = state.policies.file
            let policy = (state.stored.map { file.merged(with: $0.policy) } ?? file).priced(with: state.prices)
            state.policies.effective = policy
            // Within the lock, so that policies reach each worker in order.
            workers.execute { $0.install(policy) }
        }
    }
}
