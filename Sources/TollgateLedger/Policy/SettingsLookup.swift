package import Logging
import NIOCore
package import TollgateCore
import TollgateRedis

/// Looks up what administrators have set for scopes: one read a scope, as many in one call as were asked for in a tick, and one
/// look-up of a scope at a time, however many wait for it.
///
/// Owned by the ledger's event loop; goes over the ledger's connection.
package final class SettingsLookup {
    /// Scopes in one call.
    private static let mostScopes = 256

    private let ledger: Ledger
    private let keys: PolicyKeys
    private let logger: Logger
    /// Kinds whose scopes are listed as seen.
    package var listedKinds: Set<ScopeKind> = []
    /// Whether tiers, and the assignments of roles and domains, are known; until then nobody is told that scopes are.
    private var isPolicyKnown = false

    private var scopes: [Scope: ScopeState] = [:]
    private var wanted: [Scope] = []
    private var isFlushScheduled = false
    private var waitingForPolicy: [Waiter] = []

    private struct ScopeState {
        var waiters: [Waiter] = []
        /// Whether a request is about it: what only reports ask about is not listed as seen.
        var isSeen = false
        /// Something was set after the look-up was sent, or may have been.
        var isOutdated = false
    }

    /// Somebody who waits for some scopes.
    private final class Waiter {
        var missing: Int
        var isKnown = true
        let completion: (Bool) -> Void

        init(missing: Int, completion: @escaping (Bool) -> Void) {
            self.missing = missing
            self.completion = completion
        }
    }

    /// Called with what has been found, before those who wait are.
    package var onFound: (ScopeSettings, Scope) -> Void = { _, _ in }
    /// Called when some of those who wait have been told.
    package var onDelivered: () -> Void = {}

    package init(ledger: Ledger, logger: Logger) {
        self.ledger = ledger
        self.logger = logger
        keys = PolicyKeys(namespace: ledger.namespace)
    }

    // MARK: - Asking

    /// Calls back once, later: with whether all of the scopes are known by then. `areSeen`: whether a request is about them, so that
    /// they are listed as seen.
    package func look(up scopes: [Scope], areSeen: Bool = true, completion: @escaping (Bool) -> Void) {
        guard !scopes.isEmpty else {
            return ledger.eventLoop.assumeIsolated().execute {
                completion(self.isPolicyKnown)
                self.onDelivered()
            }
        }
        let waiter = Waiter(missing: scopes.count, completion: completion)
        for scope in scopes {
            if self.scopes[scope] == nil { wanted.append(scope) }
            self.scopes[scope, default: ScopeState()].waiters.append(waiter)
            if areSeen { self.scopes[scope]?.isSeen = true }
        }
        scheduleFlush()
    }

    /// What was set for the scope is not what a look-up under way may find.
    package func outdate(_ scope: Scope) {
        scopes[scope]?.isOutdated = true
    }

    /// The same of every scope.
    package func outdateAll() {
        for scope in scopes.keys { scopes[scope]?.isOutdated = true }
    }

    /// Those who wait for the policy are told what was found meanwhile.
    package func policyIsKnown() {
        guard !isPolicyKnown else { return }
        isPolicyKnown = true
        let waiters = waitingForPolicy
        waitingForPolicy = []
        for waiter in waiters { waiter.completion(waiter.isKnown) }
        if !waiters.isEmpty { onDelivered() }
    }

    private func scheduleFlush() {
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        ledger.eventLoop.assumeIsolated().execute {
            self.isFlushScheduled = false
            self.flush()
        }
    }

    private func flush() {
        while !wanted.isEmpty {
            let portion = Array(wanted.prefix(Self.mostScopes))
            wanted.removeFirst(portion.count)
            guard ledger.isReady else {
                for scope in portion { finish(scope, isKnown: false) }
                continue
            }
            send(portion)
        }
        onDelivered()
    }

    private func send(_ portion: [Scope]) {
        for scope in portion { scopes[scope]?.isOutdated = false }
        var isDone = false
        let timeout = ledger.eventLoop.assumeIsolated().scheduleTask(in: ledger.deadline) {
            guard !isDone else { return }
            isDone = true
            self.fail(portion)
            self.ledger.lookupTimedOut()
        }
        ledger.link.evaluate(Ledger.lookupScript, command(for: portion)) { result in
            guard !isDone else { return }
            isDone = true
            timeout.cancel()
            self.receive(result, for: portion)
        }
    }

    private func command(for portion: [Scope]) -> ByteBuffer {
        let texts = portion.map(\.description)
        let listed = zip(portion, texts).map { scope, text in
            scopes[scope]?.isSeen == true && listedKinds.contains(scope.kind) ? text : ""
        }
        var command = ByteBuffer()
        RedisCommand.encode(
            ["EVALSHA", Ledger.lookupScript.sha, "\(2 * portion.count)"] + texts.map(keys.settings)
                + portion.map { keys.seen($0.kind.description) } + listed, into: &command)
        return command
    }

    // MARK: - Answers

    private func receive(_ result: Result<RedisReply, RedisError>, for portion: [Scope]) {
        guard case .success(.array(let items)) = result, items.count == portion.count + 1,
            case .integer(let now) = items[0]
        else {
            if case .success(.error(let sentence)) = result {
                logger.error("what administrators have set cannot be read", metadata: ["reason": "\(sentence)"])
            }
            return fail(portion)
        }
        ledger.redisSaid(now)
        for (scope, item) in zip(portion, items.dropFirst()) {
            if scopes[scope]?.isOutdated == true {
                wanted.append(scope)
            } else {
                onFound(settings(of: scope, item), scope)
                finish(scope, isKnown: true)
            }
        }
        if !wanted.isEmpty { scheduleFlush() }
        onDelivered()
    }

    /// What somebody broke by hand is left out, and the rest holds.
    private func settings(of scope: Scope, _ reply: RedisReply) -> ScopeSettings {
        do throws(PolicyStoreError) {
            return try StoredSettings(scope: scope, reply: reply).settings
        } catch {
            logger.error("what administrators have set for a scope cannot be read, and does not hold: \(error)")
            return .none
        }
    }

    private func fail(_ portion: [Scope]) {
        for scope in portion { finish(scope, isKnown: false) }
        onDelivered()
    }

    private func finish(_ scope: Scope, isKnown: Bool) {
        for waiter in scopes.removeValue(forKey: scope)?.waiters ?? [] {
            waiter.missing -= 1
            if !isKnown { waiter.isKnown = false }
            if waiter.missing == 0 { tell(waiter) }
        }
    }

    private func tell(_ waiter: Waiter) {
        guard waiter.isKnown, !isPolicyKnown else { return waiter.completion(waiter.isKnown) }
        waitingForPolicy.append(waiter)
        ledger.eventLoop.assumeIsolated().scheduleTask(in: ledger.deadline) {
            guard let place = self.waitingForPolicy.firstIndex(where: { $0 === waiter }) else { return }
            self.waitingForPolicy.remove(at: place)
            waiter.completion(false)
            self.onDelivered()
        }
    }
}
