import DequeModule
package import Logging
import NIOCore
package import TollgateCore
package import TollgateLedger
package import TollgatePolicy
import TollgateRedis

/// Looks up the stored settings of scopes before requests about them are decided.
///
/// A call reads all scopes that were requested since the last one, and one call is in flight at a time. Concurrent
/// requests for one scope share a lookup. Owned by the ledger's event loop; uses the ledger's connection.
package final class SettingsLookup {
    /// The maximum number of scopes in one call.
    private static let maxScopes = 256

    private let ledger: Ledger
    private let keys: PolicyKeys
    private let logger: Logger
    private var policy = PolicyState.unknown
    private var scopes: [Scope: ScopeState] = [:]
    private var wanted = Deque<Scope>()
    /// Scopes to refresh before their settings are too old. They come after those that requests wait for.
    private var aging = Deque<Scope>()
    private var isCallInFlight = false
    private var isFlushScheduled = false
    private var waitingForPolicy: [Waiter] = []
    /// Whether the last lookup was refused and logged, so that repeated refusals are one line in the log.
    private var isRefusalLogged = false

    /// The state of the tiers and of the assignments of roles and domains. No lookup completes before they are known.
    private enum PolicyState {
        case unknown
        case known
        /// They are malformed; a sentence.
        case broken(String)
    }

    private struct ScopeState {
        var waiters: [Waiter] = []
        var isSent = false
        /// Whether the scope is in `wanted`.
        var isWanted = false
        /// The time since when a request waits for the scope.
        var waitsSince = NIODeadline.now()
        /// Whether the settings may have changed after the lookup was sent.
        var isOutdated = false
    }

    /// A request that waits for some scopes.
    private final class Waiter {
        var missing: Int
        var failure: LedgerFailure?
        let completion: (LedgerFailure?) -> Void

        init(missing: Int, completion: @escaping (LedgerFailure?) -> Void) {
            self.missing = missing
            self.completion = completion
        }
    }

    /// Called with the settings of a scope, before the completions of requests that wait for them.
    package var onFound: (ScopeSettings, Scope) -> Void = { _, _ in }
    /// Called after some completions were called.
    package var onDelivered: () -> Void = {}

    package init(ledger: Ledger, logger: Logger) {
        self.ledger = ledger
        self.logger = logger
        keys = PolicyKeys(namespace: ledger.keySpace.namespace)
    }

    // MARK: - Requests

    /// Looks up scopes. Calls the completion once, and never before this method returns.
    ///
    /// The completion gets nil when all scopes are known. It gets an outage if Redis cannot be asked. Any other failure
    /// means that the settings are malformed or the lookup would take too long: then the request must not be admitted.
    package func look(up scopes: [Scope], completion: @escaping (LedgerFailure?) -> Void) {
        let waiter = Waiter(missing: scopes.count, completion: completion)
        for scope in scopes { want(scope, for: waiter) }
        ledger.eventLoop.assumeIsolated().execute {
            guard scopes.isEmpty else { return self.scheduleFlush() }
            self.complete(waiter)
            self.onDelivered()
        }
    }

    /// Looks scopes up again, after those that requests wait for.
    package func refresh(_ scopes: [Scope]) {
        for scope in scopes where self.scopes[scope] == nil {
            self.scopes[scope] = ScopeState()
            aging.append(scope)
        }
        scheduleFlush()
    }

    private func want(_ scope: Scope, for waiter: Waiter) {
        var state = scopes[scope] ?? ScopeState()
        if !state.isSent, !state.isWanted {
            state.isWanted = true
            state.waitsSince = .now()
            wanted.append(scope)
        }
        state.waiters.append(waiter)
        scopes[scope] = state
    }

    // MARK: - Changes

    /// Discards the result of a lookup of the scope that is in flight, because its settings have changed.
    package func outdate(_ scope: Scope) {
        scopes[scope]?.isOutdated = true
    }

    /// Discards the results of all lookups in flight, because settings may have changed.
    package func outdateAll() {
        for scope in scopes.keys { scopes[scope]?.isOutdated = true }
    }

    /// Completes the requests that waited for the policy.
    package func policyIsKnown() {
        if case .known = policy { return }
        policy = .known
        completeWaitersForPolicy()
    }

    /// Fails the requests that waited for the policy, because it is malformed. Does nothing if it was known before.
    package func policyIsBroken(_ sentence: String) {
        if case .known = policy { return }
        policy = .broken(sentence)
        completeWaitersForPolicy()
    }

    private func completeWaitersForPolicy() {
        let waiters = waitingForPolicy
        waitingForPolicy = []
        for waiter in waiters { complete(waiter) }
        if !waiters.isEmpty { onDelivered() }
    }

    // MARK: - Calls

    private func scheduleFlush() {
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        ledger.eventLoop.assumeIsolated().execute {
            self.isFlushScheduled = false
            self.flush()
        }
    }

    private func flush() {
        guard !ledger.isStarting else {
            isFlushScheduled = true
            return ledger.afterStart {
                self.isFlushScheduled = false
                self.flush()
            }
        }
        while !isCallInFlight, let portion = nextPortion() {
            guard ledger.isReady else {
                for scope in portion { finish(scope, ledger.noConnection) }
                continue
            }
            send(portion)
        }
        onDelivered()
    }

    /// Returns the scopes of the next call; nil if there are none.
    private func nextPortion() -> [Scope]? {
        var portion: [Scope] = []
        while portion.count < Self.maxScopes, let scope = wanted.popFirst() ?? aging.popFirst() {
            guard let state = scopes[scope], !state.isSent else { continue }
            if state.isWanted, ledger.hasWaitedTooLong(since: state.waitsSince) {
                finish(scope, .busy)
                continue
            }
            scopes[scope]?.isSent = true
            scopes[scope]?.isWanted = false
            scopes[scope]?.isOutdated = false
            portion.append(scope)
        }
        return portion.isEmpty ? nil : portion
    }

    private func send(_ portion: [Scope]) {
        isCallInFlight = true
        let sentAt = NIODeadline.now()
        let arguments = RedisFunctionArguments(keys: portion.map { keys.settings(of: $0.description) })
        ledger.link.call(Ledger.lookupFunction, arguments, deadline: sentAt + ledger.deadline) { result in
            self.isCallInFlight = false
            self.receive(result, for: portion)
            if case .failure(.timedOut) = result { self.ledger.replyIsLate(sentAt: sentAt) }
            self.scheduleFlush()
        }
    }

    // MARK: - Replies

    private func receive(_ result: Result<RedisReply, RedisError>, for portion: [Scope]) {
        switch result {
        case .success(.array(let items)) where items.count == portion.count + 1:
            isRefusalLogged = false
            if case .integer(let now) = items[0] { ledger.redisSaid(now) }
            take(Array(items.dropFirst()), for: portion)
        case .success(.error(let sentence)):
            ledger.onRedisError(sentence)
            fail(portion, LedgerFailure(redisSaid: sentence))
        case .success: fail(portion, .internal("malformed reply to the settings lookup"))
        case .failure(.notConnected): fail(portion, ledger.noConnection)
        case .failure(.timedOut): fail(portion, .timeout)
        case .failure(let error): fail(portion, .unavailable(error.description))
        }
    }

    private func take(_ items: [RedisReply], for portion: [Scope]) {
        for (scope, item) in zip(portion, items) {
            guard scopes[scope]?.isOutdated != true else {
                lookUpAgain(scope)
                continue
            }
            do throws(StoreError) {
                onFound(try StoredSettings(scope: scope, reply: item, ledger.keySpace.moneyUnit).settings, scope)
                finish(scope, nil)
            } catch {
                logger.error("malformed stored settings of a scope: \(error)")
                finish(scope, .internal("the stored settings of \(scope) are malformed"))
            }
        }
        onDelivered()
    }

    private func lookUpAgain(_ scope: Scope) {
        scopes[scope]?.isSent = false
        scopes[scope]?.isWanted = true
        wanted.append(scope)
    }

    private func fail(_ portion: [Scope], _ failure: LedgerFailure) {
        if case .internal(let sentence) = failure, !isRefusalLogged {
            isRefusalLogged = true
            logger.error("lookup of stored settings failed: \(sentence)")
        }
        for scope in portion { finish(scope, failure) }
        onDelivered()
    }

    private func finish(_ scope: Scope, _ failure: LedgerFailure?) {
        for waiter in scopes.removeValue(forKey: scope)?.waiters ?? [] {
            waiter.missing -= 1
            // Malformed settings outweigh an outage.
            if let failure, waiter.failure?.isOutage ?? true { waiter.failure = failure }
            if waiter.missing == 0 { complete(waiter) }
        }
    }

    private func complete(_ waiter: Waiter) {
        guard waiter.failure == nil else { return waiter.completion(waiter.failure) }
        switch policy {
        case .known: waiter.completion(nil)
        case .broken(let sentence): waiter.completion(.internal(sentence))
        case .unknown where !ledger.isReady: waiter.completion(ledger.noConnection)
        case .unknown: waitForPolicy(waiter)
        }
    }

    private func waitForPolicy(_ waiter: Waiter) {
        waitingForPolicy.append(waiter)
        ledger.eventLoop.assumeIsolated().scheduleTask(in: ledger.deadline) {
            guard let index = self.waitingForPolicy.firstIndex(where: { $0 === waiter }) else { return }
            self.waitingForPolicy.remove(at: index)
            waiter.completion(.unavailable("the administrator settings have not been loaded yet"))
            self.onDelivered()
        }
    }
}
