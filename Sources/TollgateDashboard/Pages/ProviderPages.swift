import HTTPTypes
import TollgateAdmin
import TollgateCore
import TollgatePolicy
import TollgateServer
import TollgateStores

/// The pages `/providers`, with all accounts at providers and the prices in force, and `/providers/{id}`, with the days of
/// one account. Administrators request that an account is read.
struct ProviderPages: Sendable {
    let pages: PageServer
    private let drift = RecentDrift()

    init(pages: PageServer) {
        self.pages = pages
    }

    var routes: [Route] {
        [
            pages.get("/providers") { request in .page(try await list(request)) },
            pages.get("/providers/{id}") { request in .page(try await account(request)) },
            pages.post("/providers/{id}/sync", sync),
        ]
    }

    private var sidecar: Sidecar { pages.admin.server }

    // MARK: - Action

    private func sync(_ request: PageRequest) async throws -> PageReply {
        let id = try request.request.parameter("id")
        let path = "/v1/accounts/\(Markup.encoded(id))/sync"
        _ = try await pages.admin.send(.post, path, body: [String: String](), as: request.caller)
        let target = request.form["page"] == "account" ? AccountCard.path(of: id) : "/providers"
        return .redirect(target, notice: "\(id): it is read once a minute has passed since the last attempt.")
    }

    // MARK: - All accounts

    private func list(_ request: PageRequest) async throws -> Page {
        let policy = sidecar.policies.effective
        let entries = policy.accounts.sorted { $0.key < $1.key }.map { AccountEntry(id: $0.key, account: $0.value) }
        let accounts = try await AccountView.read(entries, of: policy, from: sidecar)
        let alerts = accounts.isEmpty ? [] : try await activeAlerts()
        let prices = PriceSummary(
            policy: policy, ownCount: sidecar.policies.file.priced(with: PriceTable()).prices.count,
            file: await sidecar.report().prices, unknownModels: sidecar.unknownModels.models, time: pages.localTime,
            now: await pages.currentTime)
        var context: TemplateContext = [
            "accounts": accounts.map { card(of: $0, policy, alerts) }, "isEmpty": accounts.isEmpty,
            "prices": prices.context,
        ]
        let readable = accounts.filter { $0.fault == nil }.map(\.id)
        if !readable.isEmpty {
            context["drift"] = DriftTable(report: try await drift.report(of: readable, from: sidecar)).context
        }
        return Page("providers", title: "Providers", context)
    }

    // MARK: - One account

    private func account(_ request: PageRequest) async throws -> Page {
        let id = try request.request.parameter("id")
        let policy = sidecar.policies.effective
        guard let account = policy.accounts[id] else {
            throw Problem.notFound("there is no account \(PlainText.shortened(id, to: 64))")
        }
        let view = try await AccountView.read([AccountEntry(id: id, account: account)], of: policy, from: sidecar)[0]
        var context = card(of: view, policy, try await activeAlerts())
        context["isPage"] = true
        if view.fault == nil {
            let days = try await AccountDays.read(view, of: policy, from: sidecar)
            context["days"] = days.rows(moneyUnit: policy.moneyUnit)
            context["currency"] = policy.currency
            context["hasHistory"] = days.own != nil
        }
        return Page("provider", title: "Account \(id)", section: "providers", context)
    }

    // MARK: - Parts

    private func activeAlerts() async throws -> [Alert] {
        try await sidecar.stores.alerts.active(atMost: OverviewReport.maxAlerts)
    }

    private func card(of view: AccountView, _ policy: Policy, _ alerts: [Alert]) -> TemplateContext {
        if let fault = view.fault { return AccountCard.unreadable(view.id, fault) }
        let count = alerts.count { $0.scope == view.scope }
        let isCounted = alerts.count < OverviewReport.maxAlerts
        return AccountCard(view: view, policy: policy, time: pages.localTime, alerts: isCounted ? count : nil).context
    }
}
