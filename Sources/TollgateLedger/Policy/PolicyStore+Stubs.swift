package import Logging
package import NIOCore
package import TollgateCore
package import TollgateRedis

extension PolicyStore {
    package static let scripts: [RedisScript] = []
    package func shared() async throws(PolicyStoreError) -> StoredShared { StoredShared() }
}
extension StoredSettings {
    package init(scope: Scope, reply: RedisReply) throws(PolicyStoreError) { self.init() }
}
package final class RedisSubscription {
    package var onSubscribed: () -> Void = {}
    package var onLost: () -> Void = {}
    package var onMessage: (String) -> Void = { _ in }
    let l: any EventLoop
    package init(address: RedisAddress, channel: String, eventLoop: any EventLoop, logger: Logger) { l = eventLoop }
    package func start() {}
    package func shutdown() -> EventLoopFuture<Void> { l.makeSucceededVoidFuture() }
}

package struct SeenScope: Sendable {
    package var scope: Scope
    package var seenAt: Int64
}

extension PolicyStore {
    package func apply(
        _ edit: PolicyEdit, if precondition: Precondition, by author: Author
    ) async throws(PolicyStoreError) -> Int64 { fatalError() }
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
