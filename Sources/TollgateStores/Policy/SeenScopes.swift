import NIOCore
package import TollgateCore
package import TollgateLedger
import TollgateRedis

/// Notes which scopes requests are about, for lists of them, and writes that down once a second. Of very many new scopes in a second
/// the first are noted: lists hold no more than the newest of a kind anyway.
///
/// Owned by the ledger's event loop; goes over the ledger's connection.
package final class SeenScopes {
    /// Noted in a second.
    static let most = 1_000
    /// Remembered of a kind.
    static let maxPerKind = 10_000
    /// In seconds: 35 days.
    private static let keptFor = 35 * 86_400
    private static let interval = TimeAmount.seconds(1)

    private let ledger: Ledger
    private let keys: PolicyKeys
    private var scopes: Set<Scope> = []
    private var isScheduled = false

    /// Kinds whose scopes are noted.
    package var listedKinds: Set<ScopeKind> = []

    package init(ledger: Ledger) {
        self.ledger = ledger
        keys = PolicyKeys(namespace: ledger.keySpace.namespace)
    }

    package func note(_ scope: Scope) {
        guard scopes.count < Self.most, listedKinds.contains(scope.kind) else { return }
        scopes.insert(scope)
        guard !isScheduled else { return }
        isScheduled = true
        ledger.eventLoop.assumeIsolated().scheduleTask(in: Self.interval) {
            self.isScheduled = false
            self.write()
        }
    }

    /// A Redis that cannot be reached, or takes no writes, goes without: nobody is decided by it.
    private func write() {
        let noted = Dictionary(grouping: scopes, by: \.kind)
        scopes.removeAll(keepingCapacity: true)
        guard ledger.isReady else { return }
        for (kind, scopes) in noted {
            let key = keys.seen(kind.description)
            let now = String(ledger.redisTime)
            send(["ZADD", key] + scopes.flatMap { [now, $0.description] })
            send(["ZREMRANGEBYRANK", key, "0", "\(-Self.maxPerKind - 1)"])
            send(["EXPIRE", key, "\(Self.keptFor)"])
        }
    }

    private func send(_ words: [String]) {
        var command = ByteBuffer()
        RedisCommand.encode(words, into: &command)
        ledger.link.send(command) { _ in }
    }
}
