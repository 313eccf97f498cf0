import NIOCore
import TollgateCore
import TollgateLedger
import TollgateRedis
import TollgateStores

/// The reactions of a sidecar to the state of its Redis: lost data, another layout of keys, refused writes. Usable from
/// any thread.
final class RedisRecovery: Sendable {
    private let workers: [NIOLoopBound<Worker>]
    private let connections: StoreConnections
    private let watcher: PolicyWatcher
    /// The author of the audit entry about lost data.
    private let author: Author
    private let namespace: String

    init(
        workers: [NIOLoopBound<Worker>], connections: StoreConnections, watcher: PolicyWatcher, author: Author,
        namespace: String
    ) {
        self.workers = workers
        self.connections = connections
        self.watcher = watcher
        self.author = author
        self.namespace = namespace
    }

    /// Checks Redis soon, because it has begun to refuse writes.
    func checkSoon() {
        let first = workers[0]
        first.eventLoop.execute { first.value.health?.checkSoon() }
    }

    /// Reconnects all links, because the keys in Redis have other names now. The new connections find Redis unusable.
    func reconnect() {
        let reason = "the names of the keys in Redis are not those of this sidecar any more"
        workers.execute { $0.link.disconnect(reason: reason) }
        connections.reconnect(reason: reason)
    }

    /// Invalidates all cached data after Redis has lost its own.
    ///
    /// - Parameter isFirst: Whether no other sidecar has noticed the loss before. The first one writes it to the audit
    ///   log.
    func dataWasLost(isFirst: Bool) {
        watcher.catchUp()
        // Writes the keys to Redis again. Other sidecars cannot read tokens without them.
        workers.execute { $0.ledger.keyring.read { _ in } }
        guard isFirst else { return }
        Task { await noteDataLoss() }
    }

    private func noteDataLoss() async {
        // The store's own connection may be restored later than the worker's.
        for _ in 0..<40 {
            do throws(StoreError) {
                return try await connections.stores.policy.auditLog.append(
                    "redis.data_loss", namespace, before: "null", after: "null", by: author)
            } catch {
                guard error.changedNothingYet else { return }
                try? await Task.sleep(for: .milliseconds(250))
            }
        }
    }
}
