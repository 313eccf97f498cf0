import TollgateCore
import TollgateLedger
package import TollgatePolicy
package import TollgateServer
import TollgateStores

extension AccountView {
    /// Reads accounts with both sides of their usage, in order. The API and the dashboard show them.
    ///
    /// An account about which something malformed is stored is `unreadable`. The others are shown all the same.
    ///
    /// - Parameter policy: The policy that has the accounts, also if another one is installed meanwhile.
    package static func read(
        _ entries: [AccountEntry], of policy: Policy, from sidecar: Sidecar
    ) async throws -> [AccountView] {
        guard let first = entries.first else { return [] }
        do {
            return try await readTogether(entries, of: policy, from: sidecar)
        } catch {
            guard let fault = StoreError(malformedData: error) else { throw error }
            guard entries.count > 1 else {
                return [try unreadable(first, fault, policy, now: await sidecar.redisTime)]
            }
            var views: [AccountView] = []
            for entry in entries { views += try await read([entry], of: policy, from: sidecar) }
            return views
        }
    }

    /// The view of an account without what could not be read.
    static func unreadable(
        _ entry: AccountEntry, _ fault: StoreError, _ policy: Policy, now: Int64
    ) throws(ScopeError) -> AccountView {
        let scope = try Account.scope(entry.id)
        return AccountView(
            entry: entry, scope: scope, result: .failure(fault),
            period: entry.account.calendar.window(.month, containing: now), own: nil, moneyUnit: policy.moneyUnit,
            limits: policy.limits(for: scope).map(\.limit), usage: [], now: now)
    }

    private static func readTogether(
        _ entries: [AccountEntry], of policy: Policy, from sidecar: Sidecar
    ) async throws -> [AccountView] {
        let scopes = try entries.map { try Account.scope($0.id) }
        let stored = try await sidecar.stores.accounts.accounts(entries.map(\.id))
        let hasHistory = scopes.first.map { policy.hasHistory($0.kind) } ?? false
        let readings = try await sidecar.readings(
            of: scopes, .all, history: hasHistory ? .month : nil, of: [.requests, .tokens, .cost])
        let now = await sidecar.redisTime
        return entries.indices.map { index in
            let (entry, usage) = (entries[index], readings[index].usage.items)
            return AccountView(
                entry: entry, scope: scopes[index], result: stored[index].map { $0.figures(of: entry.account) },
                period: entry.account.calendar.window(.month, containing: now), own: readings[index].amounts,
                moneyUnit: policy.moneyUnit, limits: usage.map(\.limit.limit), usage: usage, now: now)
        }
    }
}

extension StoreError {
    /// The error of a read that found malformed data; nil for errors that are not about the data.
    fileprivate init?(malformedData error: any Error) {
        switch error {
        case StoreError.corrupt(let sentence), LedgerFailure.internal(let sentence): self = .corrupt(sentence)
        default: return nil
        }
    }
}
