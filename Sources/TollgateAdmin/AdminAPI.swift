import TollgateCore
import TollgateLedger
import TollgatePolicy
package import TollgateServer
package import TollgateStores

/// The operations of the admin API on one sidecar.
package struct AdminAPI: Sendable {
    let server: TollgateServer
    /// Where the policy file is, for sentences that name it.
    let policyFile: String
    /// Who is told of alerts.
    let receivers: [AlertReceiver]

    package init(server: TollgateServer, policyFile: String, receivers: [AlertReceiver] = AlertReceiver.standard) {
        self.server = server
        self.policyFile = policyFile
        self.receivers = receivers
    }

    /// All of them; the router has no others.
    package var routes: [Route] {
        TierRoutes(api: self).routes + AssignmentRoutes(api: self).routes + ScopeRoutes(api: self).routes
            + OverrideRoutes(api: self).routes + UserRoutes(api: self).routes + CallRoutes(api: self).routes
            + ReportRoutes(api: self).routes + AlertRoutes(api: self).routes + EventRoutes(api: self).routes
            + ReservationRoutes(api: self).routes + DeliveryRoutes(api: self).routes + PolicyRoutes(api: self).routes
            + AuditRoutes(api: self).routes
            + HealthRoutes(api: self).routes
    }

    /// Throws a `Problem` before the sidecar has started.
    func store() throws(Problem) -> PolicyStore { try stores().policy }

    /// The same.
    func stores() throws(Problem) -> Stores {
        guard let stores = server.stores else { throw Problem(.unavailable, "the sidecar has not started yet") }
        return stores
    }

    /// Throws a `Problem` about a joined scope of one more kind than requests can be joined into.
    func requireRoom(for scope: Scope) throws(Problem) {
        let kinds = server.policies.effective.compositeKinds
        guard scope.kind.isComposite, !kinds.contains(scope.kind), kinds.count >= Policy.maxCompositeKinds else {
            return
        }
        throw .invalid(
            "scope", "there are \(kinds.count) composite kinds with limits already, and no more are possible")
    }

    /// Makes a change on the condition that the request states, and lets this sidecar decide by it from then on.
    ///
    /// - Parameters:
    ///   - scope: whose settings change; nil where it is tiers, or assignments of roles, domains and everyone.
    ///   - current: the version of what is there now; nil where nothing is.
    /// - Returns: the version of the change, and whether nothing was there before.
    func apply(
        _ edit: PolicyEdit, of scope: Scope?, _ request: AdminRequest,
        current: () async throws -> Int64?
    ) async throws -> (version: Int64, isNew: Bool) {
        let condition = try request.condition()
        if condition == .present, try await current() == nil {
            throw Problem(.preconditionFailed, "there is nothing of that name")
        }
        let store = try store()
        let version: Int64
        do throws(StoreError) {
            version = try await store.apply(edit, if: condition.precondition, by: request.author)
        } catch {
            throw condition.problem(error)
        }
        await server.settingsChanged(of: scope)
        return (version, condition.precondition == .absent)
    }

    /// The same for what takes something away; where there is nothing, that is 404 whatever the request's condition.
    func delete(_ edit: PolicyEdit, of scope: Scope?, _ request: AdminRequest) async throws {
        let condition = try request.condition()
        guard condition != .absent else {
            throw Problem.badRequest("If-Match: expected * or the ETag of what is there")
        }
        let store = try store()
        do throws(StoreError) {
            _ = try await store.apply(edit, if: condition.precondition, by: request.author)
        } catch {
            throw condition.problem(error)
        }
        await server.settingsChanged(of: scope)
    }
}
