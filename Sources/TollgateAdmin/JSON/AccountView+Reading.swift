import TollgateCore
import TollgateLedger
package import TollgatePolicy
package import TollgateServer
package import TollgateStores

extension AccountView {
    /// Reads accounts with both sides of their usage, in the order of their ids. The API and the dashboard show them.
    ///
    /// - Parameter policy: The policy that has the accounts, also if another one is installed meanwhile. Ids of other
    ///   accounts are left out.
    /// - Returns: For each id the account, or the error about what is stored of it, which is malformed. The others can be
    ///   shown all the same.
    package static func read(
        _ ids: [String], of policy: Policy, from sidecar: Sidecar
    ) async throws -> [(id: String, view: Result<AccountView, StoreError>)] {
        let accounts = ids.compactMap { id in policy.accounts[id].map { (id: id, account: $0) } }
        let scopes = try accounts.map { try Scope(parts: [Scope.Part(kind: "account", id: $0.id)]) }
        guard let kind = scopes.first?.kind else { return [] }
        let stored = try await sidecar.stores.accounts.accounts(accounts.map(\.id))
        let readings = try await sidecar.readings(
            of: scopes, .all, history: policy.hasHistory(kind) ? .month : nil, of: [.requests, .tokens, .cost])
        let now = await sidecar.redisTime
        return accounts.indices.map { index in
            let (id, account) = accounts[index]
            let view = stored[index].map { stored in
                AccountView(
                    id: id, scope: scopes[index], account: account, stored: stored,
                    period: account.calendar.window(.month, containing: now), own: readings[index].amounts,
                    moneyUnit: policy.moneyUnit, limits: policy.limits(for: scopes[index]).map(\.limit),
                    usage: readings[index].usage.items, now: now)
            }
            return (id, view)
        }
    }
}
