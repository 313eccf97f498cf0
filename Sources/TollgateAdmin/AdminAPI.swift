import TollgateCore
import TollgateLedger
import TollgatePolicy
package import TollgateServer
package import TollgateStores

/// The operations of the admin API, for one sidecar.
package struct AdminAPI: Sendable {
    let server: Sidecar
    /// The path of the policy file, for error sentences.
    let policyFile: String
    /// Sends a test message to a receiver. Nil if the process delivers no alerts.
    let testReceiver: ReceiverTester?
    /// The codes by which users sign in to the dashboard.
    let codes: SignInCodes
    /// The scopes that have gauges of their own in metrics.
    private let scopeGauges: ScopeGaugeSettings

    init(
        server: Sidecar, policyFile: String, testReceiver: ReceiverTester? = nil, codes: SignInCodes = SignInCodes(),
        scopeGauges: ScopeGaugeSettings = ScopeGaugeSettings()
    ) {
        self.server = server
        self.policyFile = policyFile
        self.testReceiver = testReceiver
        self.codes = codes
        self.scopeGauges = scopeGauges
    }

    /// All routes of the API.
    package var routes: [Route] {
        TierRoutes(api: self).routes + AssignmentRoutes(api: self).routes + ScopeRoutes(api: self).routes
            + OverrideRoutes(api: self).routes + UserRoutes(api: self).routes + CallRoutes(api: self).routes
            + UsageRoutes(api: self).routes + ReportRoutes(api: self).routes + DriftRoutes(api: self).routes
            + AlertRoutes(api: self).routes
            + EventRoutes(api: self).routes + ReservationRoutes(api: self).routes + DeliveryRoutes(api: self).routes
            + PolicyRoutes(api: self).routes + AuditRoutes(api: self).routes + SignInRoutes(api: self).routes
            + SidecarRoutes(api: self).routes
            + PriceRoutes(api: self).routes + AccountRoutes(api: self).routes + LogLevelRoutes(api: self).routes
            + service
    }

    /// The routes for those that watch over the sidecar: metrics and health.
    var service: [Route] {
        MetricsRoutes(server: server, scopes: scopeGauges).routes + HealthRoutes(api: self).routes
    }

    /// The stored settings of administrators.
    var store: PolicyStore { server.stores.policy }

    /// All stores of the sidecar.
    var stores: Stores { server.stores }

    /// Throws a `Problem` if the scope would add one more composite kind than requests can form.
    func requireCompositeCapacity(for scope: Scope) throws(Problem) {
        let kinds = server.policies.effective.compositeKinds
        guard scope.kind.isComposite, !kinds.contains(scope.kind), kinds.count >= Policy.maxCompositeKinds else {
            return
        }
        throw .invalid(
            "scope", "\(kinds.count) composite kinds have limits already, which is the maximum")
    }

    /// Applies an edit under the request's precondition. From then on, this sidecar decides by it.
    ///
    /// - Parameters:
    ///   - scope: The scope whose settings change. Nil for tiers, accounts, and assignments of roles, domains and the
    ///     default.
    ///   - current: Returns the current version, or nil if the resource does not exist.
    /// - Returns: The new version, and whether the resource is new.
    func apply(
        _ edit: PolicyEdit, of scope: Scope?, _ request: AdminRequest,
        current: () async throws -> Int64?
    ) async throws -> (version: Int64, isNew: Bool) {
        let condition = try request.condition()
        if condition == .present, try await current() == nil {
            throw Problem(.preconditionFailed, "no such resource")
        }
        let version: Int64
        do throws(StoreError) {
            version = try await store.apply(edit, if: condition.precondition, by: request.author)
        } catch {
            throw condition.problem(error)
        }
        await server.settingsChanged(of: scope)
        return (version, condition.precondition == .absent)
    }

    /// Applies an edit that deletes a resource. A missing resource is 404, whatever the precondition.
    func delete(_ edit: PolicyEdit, of scope: Scope?, _ request: AdminRequest) async throws {
        let condition = try request.condition()
        guard condition != .absent else {
            throw Problem.badRequest("If-Match: expected * or the ETag of the resource")
        }
        do throws(StoreError) {
            _ = try await store.apply(edit, if: condition.precondition, by: request.author)
        } catch {
            throw condition.problem(error)
        }
        await server.settingsChanged(of: scope)
    }
}

extension Array where Element: Sendable {
    /// Transforms the elements concurrently, at most `width` at a time, and returns the results in order. Throws the
    /// first error.
    func concurrentlyCompactMap<Result: Sendable>(
        width: Int = 16, _ body: @escaping @Sendable (Element) async throws -> Result?
    ) async throws -> [Result] {
        try await withThrowingTaskGroup(of: (Int, Result?).self) { group in
            var results = [Result?](repeating: nil, count: count)
            for (index, element) in enumerated() {
                if index >= width, let (done, result) = try await group.next() { results[done] = result }
                group.addTask { (index, try await body(element)) }
            }
            for try await (index, result) in group { results[index] = result }
            return results.compactMap { $0 }
        }
    }
}
