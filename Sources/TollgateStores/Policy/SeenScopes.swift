package import NIOCore
package import TollgateCore
package import TollgateLedger
import TollgateRedis

/// A scope with the time of a recent use.
package struct SeenScope: Sendable, Hashable {
    package var scope: Scope
    /// The time of a request that used it, Unix ms. Later ones may follow for five minutes.
    package var seenAt: Int64

    package init(_ scope: Scope, seenAt: Int64) {
        self.scope = scope
        self.seenAt = seenAt
    }
}

/// Records the scopes that requests use for `PolicyStore.scopesSeen`, and writes them to Redis once a second.
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
    /// The time that ``flush()`` waits for Redis.
    private static let flushDeadline = TimeAmount.seconds(1)

    private let ledger: Ledger
    private let keys: PolicyKeys
    /// The scopes to write, with the times of their use, Unix ms by Redis's clock.
    private var scopes: [Scope: Int64] = [:]
    private var isScheduled = false

    /// The kinds whose scopes are recorded.
    package var listedKinds: Set<ScopeKind> = []

    package init(ledger: Ledger) {
        self.ledger = ledger
        keys = PolicyKeys(namespace: ledger.keySpace.namespace)
    }

    package func note(_ scope: Scope) {
        guard scopes.count < Self.maxPerSecond, listedKinds.contains(scope.kind) else { return }
        scopes[scope] = ledger.redisTime
        schedule()
    }

    /// Writes the recorded scopes without waiting for the next second. Succeeds once Redis has replied, and also where
    /// it does not.
    package func flush() -> EventLoopFuture<Void> {
        let done = ledger.eventLoop.makePromise(of: Void.self)
        guard ledger.isReady, !scopes.isEmpty else {
            done.succeed()
            return done.futureResult
        }
        write(deadline: .now() + Self.flushDeadline) { done.succeed() }
        return done.futureResult
    }

    private func schedule() {
        guard !isScheduled else { return }
        isScheduled = true
        ledger.eventLoop.assumeIsolated().scheduleTask(in: Self.interval) {
            self.isScheduled = false
            // During an outage of Redis they wait.
            guard self.ledger.isReady else { return self.schedule() }
            self.write()
        }
    }

    /// Writes the recorded scopes. Failures are ignored, because no decision depends on them.
    ///
    /// - Parameter completion: Called once all replies have arrived, or failed to.
    private func write(deadline: NIODeadline? = nil, completion: @escaping () -> Void = {}) {
        let noted = Dictionary(grouping: scopes, by: \.key.kind)
        scopes.removeAll(keepingCapacity: true)
        var commands: [[String]] = []
        for (kind, scopes) in noted {
            let key = keys.seen(kind.description)
            // GT: another sidecar may have seen the scope later.
            commands.append(["ZADD", key, "GT"] + scopes.flatMap { ["\($0.value)", $0.key.description] })
            commands.append(["ZREMRANGEBYRANK", key, "0", "\(-Self.maxPerKind - 1)"])
            commands.append(["EXPIRE", key, "\(Self.retention)"])
        }
        var missing = commands.count
        for words in commands {
            ledger.link.send(words, deadline: deadline) { _ in
                missing -= 1
                if missing == 0 { completion() }
            }
        }
    }
}
