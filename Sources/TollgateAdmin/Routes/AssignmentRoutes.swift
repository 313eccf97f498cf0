import HTTPTypes
import Hummingbird
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateServer
import TollgateStores

/// The routes under `/v1/assignments`. Their ids are `user:alice`, `role:Faculty`, `email_domain:example.com` and
/// `default`.
struct AssignmentRoutes {
    let api: AdminAPI

    var routes: [Route] {
        [
            Route(.get, "/v1/assignments", .read, list),
            Route(.get, "/v1/assignments/{id}", .read, get),
            Route(.put, "/v1/assignments/{id}", .administer, put),
            Route(.delete, "/v1/assignments/{id}", .administer, delete),
        ]
    }

    /// Lists assignments. The first page begins with those of the policy file that administrators have not replaced.
    private func list(_ request: AdminRequest) async throws -> Response {
        let query = try request.query("cursor", "limit")
        let page = try await api.store.assignments(after: query.cursor, atMost: try query.limit())
        var views =
            query.cursor == nil ? try await api.assignmentsOfFile(api.store.shared()).map { AssignmentView($0) } : []
        views += page.items.map { AssignmentView($0) }
        return .json(PageView(items: views, next: page.next))
    }

    private func get(_ request: AdminRequest) async throws -> Response {
        _ = try request.query()
        let subject = try subject(request)
        if let stored = try await api.store.assignment(subject) {
            return .tagged(AssignmentView(stored), version: stored.version)
        }
        guard let assignment = api.server.policies.file.assignments[subject] else {
            throw Problem.notFound("\(subject.id): no such assignment")
        }
        return .tagged(AssignmentView(assignment), version: nil)
    }

    private func put(_ request: AdminRequest) async throws -> Response {
        let subject = try subject(request)
        var assignment = try PolicyJSON.assignment(try await request.policyPart(), of: subject)
        let isInFile = api.server.policies.file.tiers[assignment.tier] != nil
        let edit = PolicyEdit.setAssignment(assignment, tierIsInFile: isInFile)
        let (version, isNew) = try await api.apply(edit, of: subject.scope, request) {
            try await api.store.assignment(subject)?.version
        }
        // The change has been made, so a failure to read it back is ignored.
        assignment.order = isNew ? version : (try? await api.store.assignment(subject))?.item.order ?? version
        var view = AssignmentView(assignment, version: version)
        view.warnings = subject.warning.map { ["\(subject.id): \($0)"] } ?? []
        return .tagged(view, version: version, isNew ? .created : .ok)
    }

    private func delete(_ request: AdminRequest) async throws -> Response {
        let subject = try subject(request)
        do {
            try await api.delete(.deleteAssignment(subject), of: subject.scope, request)
        } catch let problem as Problem where problem.code == .notFound {
            guard api.server.policies.file.assignments[subject] != nil else {
                throw Problem.notFound("\(subject.id): no such assignment")
            }
            throw Problem(
                .conflict,
                "\(subject.id) comes from the policy file (\(api.policyFile)); it can be replaced here, but not deleted"
            )
        }
        return .noContent
    }

    private func subject(_ request: AdminRequest) throws(Problem) -> Assignment.Subject {
        let id = try request.parameter("id")
        do throws(ScopeError) {
            return try Assignment.Subject(id: id).foldingCase(of: api.server.policies.effective.foldedKinds)
        } catch {
            throw .badRequest("id: \(error)")
        }
    }
}

extension AdminAPI {
    /// Returns the assignments of the policy file that administrators have not replaced, in file order.
    func assignmentsOfFile(_ shared: StoredShared) async throws -> [Assignment] {
        let replaced = Set(shared.assignments.map(\.item.subject))
        let all = server.policies.file.assignments.values.filter { !replaced.contains($0.subject) }
            .sorted { $0.order < $1.order }
        return try await all.concurrentlyCompactMap { assignment in
            // Assignments of users must be looked up one by one.
            guard case .user = assignment.subject else { return assignment }
            return try await store.assignment(assignment.subject) == nil ? assignment : nil
        }
    }
}

extension Assignment.Subject {
    /// The scope whose settings contain the assignment. Nil for assignments that every sidecar stores completely.
    fileprivate var scope: Scope? { if case .user(let scope) = self { scope } else { nil } }
}
