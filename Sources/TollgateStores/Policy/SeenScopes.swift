import NIOCore
package import TollgateCore
package import TollgateLedger
import TollgateRedis

/// A scope with the time of a recent lookup or change.
package struct SeenScope: Sendable, Hashable {
    package var scope: Scope
    /// The time of a recent request, Unix ms.
    package var seenAt: Int64

    package init(_ scope: Scope, seenAt: Int64) {
        self.scope = scope
        self.seenAt = seenAt
    }
}

/// Records the scopes of recent requests for `PolicyStore.scopesSeen`, and writes them to Redis once a second.
///
/// Lists contain only the newest scopes of a kind, so scopes over the maximum per second are dropped. Owned by the
/// ledger's event loop; uses the ledger's connection.
package final class SeenScopes {
    /// The maximum number of scopes recorded per second.
    static let maxPerSecond = 1_000
    /// The maximum number of scopes retained of a kind.
    static let maxPerKind = 10_000
    /// The retention of the sorted set in seconds: 35 days.
    private static let retention = 35 * 86_400
    private static let interval = TimeAmount.seconds(1)

    private let ledger: Ledger
    private let keys: PolicyKeys
    private var scopes: Set<Scope> = []
    private var isScheduled = false

    /// The kinds whose scopes are recorded.
    package var listedKinds: Set<ScopeKind> = []

    package init(ledger: Ledger) {
        self.ledger = ledger
        keys = PolicyKeys(namespace: ledger.keySpace.namespace)
    }

    package func note(_ scope: Scope) {
        guard scopes.count < Self.maxPerSecond, listedKinds.contains(scope.kind) else { return }
        scopes.insert(scope)
        guard !isScheduled else { return }
        isScheduled = true
        ledger.eventLoop.assumeIsolated().scheduleTask(in: Self.interval) {
            self.isScheduled = false
            self.write()
        }
    }

    /// Writes the recorded scopes. Failures are ignored, because no decision depends on them.
    private func write() {
        let noted = Dictionary(grouping: scopes, by: \.kind)
        scopes.removeAll(keepingCapacity: true)
        guard ledger.isReady else { return }
        for (kind, scopes) in noted {
            let key = keys.seen(kind.description)
            let now = String(ledger.redisTime)
            send(["ZADD", key] + scopes.flatMap { [now, $0.description] })
            send(["ZREMRANGEBYRANK", key, "0", "\(-Self.maxPerKind - 1)"])
            send(["EXPIRE", key, "\(Self.retention)"])
        }
    }

    private func send(_ words: [String]) {
        var command = ByteBuffer()
        RedisCommand.encode(words, into: &command)
        ledger.link.send(command) { _ in }
    }
}
