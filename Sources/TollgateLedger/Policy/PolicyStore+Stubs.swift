package import TollgateCore

package struct SeenScope: Sendable {
    package var scope: Scope
    package var seenAt: Int64
}

extension PolicyStore {
    package func apply(
        _ edit: PolicyEdit, if precondition: Precondition, by author: Author
    ) async throws(PolicyStoreError) -> Int64 { fatalError() }
    package func shared() async throws(PolicyStoreError) -> StoredShared { fatalError() }
    package func settings(of scope: Scope) async throws(PolicyStoreError) -> StoredSettings { fatalError() }
    package func tier(_ id: String) async throws(PolicyStoreError) -> Versioned<Tier>? { fatalError() }
    package func assignment(
        _ subject: Assignment.Subject
    ) async throws(PolicyStoreError) -> Versioned<Assignment>? { fatalError() }
    package func assignments(
        after: String?, atMost: Int
    ) async throws(PolicyStoreError) -> Page<Versioned<Assignment>> { fatalError() }
    package func scopesSeen(
        kind: ScopeKind, after: String?, atMost: Int
    ) async throws(PolicyStoreError) -> Page<SeenScope> { fatalError() }
    package func reset(
        _ scope: Scope, limits: [(Meter, Period)]?, by author: Author
    ) async throws(PolicyStoreError) -> [String] { fatalError() }
    package func audit(before: String?, atMost: Int) async throws(PolicyStoreError) -> Page<AuditEntry> { fatalError() }
}
