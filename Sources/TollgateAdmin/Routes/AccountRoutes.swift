import HTTPTypes
import Hummingbird
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateServer
import TollgateStores

/// The routes under `/v1/accounts`: the accounts at providers of the policy file and of administrators, with both sides
/// of their usage. Those of administrators take precedence.
struct AccountRoutes {
    let api: AdminAPI

    var routes: [Route] {
        [
            Route(.get, "/v1/accounts", .read, list), Route(.get, "/v1/accounts/{id}", .read, get),
            Route(.put, "/v1/accounts/{id}", .administer, put),
            Route(.delete, "/v1/accounts/{id}", .administer, delete),
            Route(.post, "/v1/accounts/{id}/sync", .administer, sync),
        ]
    }

    /// Lists all accounts. One whose stored figures are malformed does not hide the others.
    private func list(_ request: AdminRequest) async throws -> Response {
        _ = try request.query()
        let shared = try await api.store.shared()
        let policy = api.server.policies.file.merged(with: shared.policy)
        let entries = policy.accounts.sorted { $0.key < $1.key }.map { id, account in
            AccountEntry(id: id, account: account, version: shared.accounts[id]?.version)
        }
        return .json(["items": try await views(entries, policy, isWhole: false)])
    }

    private func get(_ request: AdminRequest) async throws -> Response {
        _ = try request.query()
        let (entry, policy) = try await found(request)
        let view = try await view(entry, policy, isWhole: true)
        if let fault = view.fault { throw Problem(store: fault) }
        return .tagged(view, version: entry.version)
    }

    // MARK: - Changes

    private func put(_ request: AdminRequest) async throws -> Response {
        let id = try id(of: request)
        let scope = try scope(id)
        var account = try PolicyJSON.account(try await request.policyPart(), id: id, api.moneyUnit)
        let replaced = try await api.store.shared().accounts
        account.binding = try binding(of: account, id, beside: replaced.mapValues(\.item))
        let ofFile = api.server.policies.file.accounts.keys.count { $0 != id && replaced[$0] == nil }
        let edit = PolicyEdit.setAccount(id, account, ofFile: ofFile)
        let (version, isNew) = try await api.apply(edit, of: nil, request) {
            try await api.store.account(id)?.version
        }
        api.server.reviewAlerts(of: scope)
        await requestReading(of: id, account)
        var policy = api.server.policies.effective
        policy.accounts[id] = account
        let entry = AccountEntry(id: id, account: account, version: version)
        var view: AccountView
        do {
            view = try await self.view(entry, policy, isWhole: true)
        } catch let error as StoreError {
            // The change has been made, so a failure to read the figures is not one of the change.
            view = try .unreadable(entry, error, policy, now: await api.server.redisTime)
            view.isWhole = true
        }
        return .tagged(view, version: version, isNew ? .created : .ok)
    }

    private func delete(_ request: AdminRequest) async throws -> Response {
        let id = try id(of: request)
        let scope = try scope(id)
        do {
            try await api.delete(.deleteAccount(id), of: nil, request)
        } catch let problem as Problem where problem.code == .notFound {
            guard api.server.policies.file.accounts[id] != nil else { throw Self.notFound(id) }
            throw Problem(
                .conflict,
                "\(id) comes from the policy file (\(api.policyFile)); it can be replaced here, but not deleted")
        }
        api.server.reviewAlerts(of: scope)
        if let account = api.server.policies.file.accounts[id] { await requestReading(of: id, account) }
        return .noContent
    }

    /// The id of the provider that an account is bound to, as requests name it; nil for none.
    ///
    /// - Parameter stored: The accounts of administrators.
    private func binding(of account: Account, _ id: String, beside stored: [String: Account]) throws -> String? {
        guard let binding = account.binding else { return nil }
        let folded = api.folded(try Scope(parts: [Scope.Part(kind: "provider", id: binding)])).parts[0].id
        let all = api.server.policies.file.accounts.merging(stored) { $1 }
        let others = all.filter { $0.key != id && $0.value.binding == folded }
        if let other = others.keys.min() {
            throw Problem.invalid("bind", "\(other) is bound to \(folded) already; expected one account for an id")
        }
        return folded
    }

    /// Lets a changed account be read anew, also if its last failure would have delayed that. Without a reply of Redis, it
    /// is read when it is due.
    private func requestReading(of id: String, _ account: Account) async {
        guard account.credential != nil else { return }
        try? await api.stores.accounts.requestReading(of: id)
    }

    /// Requests that the sidecar that reads accounts reads this one soon.
    private func sync(_ request: AdminRequest) async throws -> Response {
        _ = try request.query()
        let (entry, policy) = try await found(request)
        try ObjectReader(try await request.json(), allowed: []).finish()
        guard entry.account.credential != nil else {
            throw Problem(.conflict, "\(entry.id): has no credential_file or credential_env, so its usage is not read")
        }
        try await api.stores.accounts.requestReading(of: entry.id)
        return .json(try await view(entry, policy, isWhole: false), .accepted)
    }

    // MARK: - Accounts

    /// The id in the path: as the policy file writes it, or else as requests name it.
    private func id(of request: AdminRequest) throws -> String {
        let id = try request.parameter("id")
        let scope = try scope(id)
        guard api.server.policies.file.accounts[id] == nil else { return id }
        return api.folded(scope).parts.first?.id ?? id
    }

    private func scope(_ id: String) throws(Problem) -> Scope {
        do throws(ScopeError) {
            return try Account.scope(id)
        } catch {
            throw .badRequest("id: \(error)")
        }
    }

    /// The account of a request as it is stored now, and the policy with it.
    private func found(_ request: AdminRequest) async throws -> (AccountEntry, Policy) {
        let id = try id(of: request)
        let stored = try await api.store.account(id)
        var policy = api.server.policies.effective
        guard let account = stored?.item ?? api.server.policies.file.accounts[id] else { throw Self.notFound(id) }
        policy.accounts[id] = account
        return (AccountEntry(id: id, account: account, version: stored?.version), policy)
    }

    private static func notFound(_ id: String) -> Problem {
        .notFound("there is no account \(PlainText.shortened(id, to: 64))")
    }

    // MARK: - Views

    private func view(_ entry: AccountEntry, _ policy: Policy, isWhole: Bool) async throws -> AccountView {
        try await views([entry], policy, isWhole: isWhole)[0]
    }

    /// - Parameter policy: The policy that has the accounts, also if another one is installed meanwhile.
    private func views(_ entries: [AccountEntry], _ policy: Policy, isWhole: Bool) async throws -> [AccountView] {
        try await AccountView.read(entries, of: policy, from: api.server).map { view in
            var view = view
            view.isWhole = isWhole
            return view
        }
    }
}
