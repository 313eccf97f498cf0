import DequeModule
package import Logging
import NIOCore
package import TollgateCore
package import TollgateLedger
package import TollgatePolicy
import TollgateRedis

/// Looks up what administrators have set for scopes: one read a scope, as many in one call as were asked for meanwhile, one call at
/// a time, and one look-up of a scope at a time, however many wait for it.
///
/// Owned by the ledger's event loop; goes over the ledger's connection.
package final class SettingsLookup {
    /// Scopes in one call.
    private static let maxScopes = 256

    private let ledger: Ledger
    private let keys: PolicyKeys
    private let logger: Logger
    private var policy = PolicyState.unknown
    private var scopes: [Scope: ScopeState] = [:]
    private var wanted = Deque<Scope>()
    /// Those that are looked up again before they are too old: when no request waits.
    private var aging = Deque<Scope>()
    private var isCallUnderWay = false
    private var isFlushScheduled = false
    private var waitingForPolicy: [Waiter] = []
    /// Whether Redis refused the last look-up, so that a row of refusals is one line in the log.
    private var isRefusalLogged = false

    /// What is known of tiers, and of the assignments of roles and domains. Nobody is told that scopes are known before these are.
    private enum PolicyState {
        case unknown
        case known
        /// It cannot be read; a sentence.
        case broken(String)
    }

    private struct ScopeState {
        var waiters: [Waiter] = []
        var isSent = false
        /// Whether it is among the `wanted`.
        var isWanted = false
        /// Since when a request waits for it.
        var waitsSince = NIODeadline.now()
        /// Something was set after the look-up was sent, or may have been.
        var isOutdated = false
    }

    /// Somebody who waits for some scopes.
    private final class Waiter {
        var missing: Int
        var failure: LedgerFailure?
        let completion: (LedgerFailure?) -> Void

        init(missing: Int, completion: @escaping (LedgerFailure?) -> Void) {
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
        keys = PolicyKeys(namespace: ledger.keySpace.namespace)
    }

    // MARK: - Asking

    /// Calls back once, later: with nil when all of the scopes are known, or with why not. An outage where Redis cannot be asked,
    /// another failure where what is set cannot be read, or where it would take too long: then nothing may pass.
    package func look(up scopes: [Scope], completion: @escaping (LedgerFailure?) -> Void) {
        let waiter = Waiter(missing: scopes.count, completion: completion)
        for scope in scopes { want(scope, for: waiter) }
        ledger.eventLoop.assumeIsolated().execute {
            guard scopes.isEmpty else { return self.scheduleFlush() }
            self.tell(waiter)
            self.onDelivered()
        }
    }

    /// Looks the scopes up again, behind those that requests wait for.
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
        if case .known = policy { return }
        policy = .known
        tellThoseWhoWaitForPolicy()
    }

    /// It cannot be read. Where it could be before, that goes on.
    package func policyIsBroken(_ sentence: String) {
        if case .known = policy { return }
        policy = .broken(sentence)
        tellThoseWhoWaitForPolicy()
    }

    private func tellThoseWhoWaitForPolicy() {
        let waiters = waitingForPolicy
        waitingForPolicy = []
        for waiter in waiters { tell(waiter) }
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
        guard !ledger.isStarting else {
            isFlushScheduled = true
            return ledger.afterStart {
                self.isFlushScheduled = false
                self.flush()
            }
        }
        while !isCallUnderWay, let portion = nextPortion() {
            guard ledger.isReady else {
                for scope in portion { finish(scope, ledger.noConnection) }
                continue
            }
            send(portion)
        }
        onDelivered()
    }

    /// Nil where there is nothing to look up.
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
        isCallUnderWay = true
        let sentAt = NIODeadline.now()
        let arguments = RedisFunctionArguments(keys: portion.map { keys.settings(of: $0.description) })
        ledger.link.call(Ledger.lookupFunction, arguments, deadline: sentAt + ledger.deadline) { result in
            self.isCallUnderWay = false
            self.receive(result, for: portion)
            if case .failure(.timedOut) = result { self.ledger.replyIsLate(sentAt: sentAt) }
            self.scheduleFlush()
        }
    }

    // MARK: - Answers

    private func receive(_ result: Result<RedisReply, RedisError>, for portion: [Scope]) {
        switch result {
        case .success(.array(let items)) where items.count == portion.count + 1:
            isRefusalLogged = false
            if case .integer(let now) = items[0] { ledger.redisSaid(now) }
            take(Array(items.dropFirst()), for: portion)
        case .success(.error(let sentence)):
            ledger.onRedisError(sentence)
            fail(portion, LedgerFailure(redisSaid: sentence))
        case .success: fail(portion, .internal("the look-up script's reply cannot be read"))
        case .failure(.notConnected): fail(portion, ledger.noConnection)
        case .failure(.timedOut): fail(portion, .timeout)
        case .failure(let error): fail(portion, .unavailable(error.description))
        }
    }

    private func take(_ items: [RedisReply], for portion: [Scope]) {
        for (scope, item) in zip(portion, items) {
            guard scopes[scope]?.isOutdated != true else {
                askAgain(scope)
                continue
            }
            do throws(StoreError) {
                onFound(try StoredSettings(scope: scope, reply: item).settings, scope)
                finish(scope, nil)
            } catch {
                logger.error("what administrators have set for a scope cannot be read: \(error)")
                finish(scope, .internal("what administrators have set for \(scope) cannot be read"))
            }
        }
        onDelivered()
    }

    private func askAgain(_ scope: Scope) {
        scopes[scope]?.isSent = false
        scopes[scope]?.isWanted = true
        wanted.append(scope)
    }

    private func fail(_ portion: [Scope], _ failure: LedgerFailure) {
        if case .internal(let sentence) = failure, !isRefusalLogged {
            isRefusalLogged = true
            logger.error("what administrators have set cannot be looked up: \(sentence)")
        }
        for scope in portion { finish(scope, failure) }
        onDelivered()
    }

    private func finish(_ scope: Scope, _ failure: LedgerFailure?) {
        for waiter in scopes.removeValue(forKey: scope)?.waiters ?? [] {
            waiter.missing -= 1
            // What cannot be read weighs more than an outage.
            if let failure, waiter.failure?.isOutage ?? true { waiter.failure = failure }
            if waiter.missing == 0 { tell(waiter) }
        }
    }

    private func tell(_ waiter: Waiter) {
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
            guard let place = self.waitingForPolicy.firstIndex(where: { $0 === waiter }) else { return }
            self.waitingForPolicy.remove(at: place)
            waiter.completion(.unavailable("what administrators have set is not known yet"))
            self.onDelivered()
        }
    }
}
