import Logging
import NIOCore
import NIOPosix
import TollgateCore
import TollgatePolicy
import TollgateRedis
import TollgateTestSupport

@testable import TollgateLedger

/// A real ledger on a real Redis, driven in virtual time. Answers are lines of text in the notation of `ReferenceLedger`.
struct LedgerHarness: Sendable {
    let redis: TestRedis
    private let keySpace: KeySpace
    private let eventLoop: any EventLoop
    private let core: NIOLoopBound<Core>

    /// The state on the event loop.
    private final class Core {
        let ledger: Ledger
        let link: RedisLink
        var cache: ScopePlanCache {
            didSet { plans = [:] }
        }
        private var plans: [Scope: ScopePlan] = [:]
        /// The notices since the last ``takeNotices()``.
        var notices: [LedgerNotice] = []

        func plan(for scope: Scope) -> ScopePlan {
            if cache.isSmall { return cache.plan(for: scope) }
            if let plan = plans[scope] { return plan }
            let plan = cache.plan(for: scope)
            plans[scope] = plan
            return plan
        }

        init(ledger: Ledger, link: RedisLink, cache: ScopePlanCache) {
            self.ledger = ledger
            self.link = link
            self.cache = cache
            ledger.onNotices = { [weak self] in self?.notices += $0 }
        }
    }

    /// - Parameter address: The address of Redis; nil for that of the server itself.
    init(
        policy: Policy, redis: TestRedis? = nil, address: RedisAddress? = nil,
        keySpace: KeySpace = KeySpace(namespace: "tollgate"), journal: Journal? = nil
    ) async throws {
        let redis = try redis ?? TestRedis()
        self.redis = redis
        self.keySpace = keySpace
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        self.eventLoop = eventLoop
        core = try await eventLoop.submit {
            let link = RedisLink(
                address: address ?? redis.address, eventLoop: eventLoop,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            let ledger = Ledger(
                link: link, eventLoop: eventLoop, keySpace: keySpace, deadline: .seconds(20), journal: journal)
            link.start()
            let cache = ScopePlanCache(policy: policy, keySpace: keySpace)
            return NIOLoopBound(Core(ledger: ledger, link: link, cache: cache), eventLoop: eventLoop)
        }.get()
        try await eventually { try await isReady }
    }

    /// Whether operations can be sent.
    var isReady: Bool {
        get async throws { try await eventLoop.submit { [core] in core.value.ledger.isReady }.get() }
    }

    /// The generation of limit sets: one more than the number of times Redis had forgotten some.
    var knownSets: Int {
        get async throws { try await eventLoop.submit { [core] in core.value.ledger.knownSets }.get() }
    }

    /// The usage that the ledger has counted for metrics.
    func usage() async throws -> [TallySnapshot.Usage: Int64] {
        try await eventLoop.submit { [core] in core.value.ledger.tally.snapshot().usage }.get()
    }

    /// Sets the function that batches call.
    func call(_ function: RedisFunction) async throws {
        try await eventLoop.submit { [core] in core.value.ledger.batchFunction = function }.get()
    }

    func stop() async throws {
        try await eventLoop.flatSubmit { [core] in core.value.link.shutdown() }.get()
    }

    func install(_ policy: Policy) async throws {
        try await eventLoop.submit { [core, keySpace] in
            core.value.cache = ScopePlanCache(policy: policy, keySpace: keySpace)
        }.get()
    }

    /// Replaces the cache of plans with one that forgets after a few scopes.
    func useSmallCache() async throws {
        try await eventLoop.submit { [core] in
            let ledger = core.value.ledger
            core.value.cache = ScopePlanCache(
                policy: core.value.cache.policy, keySpace: KeySpace(namespace: "tollgate"), generationSize: 4,
                onDrop: { [unowned ledger] in ledger.closeBatch(with: $0) })
        }.get()
    }

    /// Submits the operations in one tick, so that they form one batch, at a time of Redis's clock in Unix ms.
    func apply(_ operations: [TestOperation], at now: Int64?) async throws -> [String] {
        try await answers(to: operations, at: now).map(\.line)
    }

    /// Submits the operations like ``apply(_:at:)``, and returns the milliseconds until the reset or retry too.
    func answers(to operations: [TestOperation], at now: Int64?) async throws -> [AnswerLine] {
        try await eventLoop.flatSubmit { [core, eventLoop] in
            let ledger = core.value.ledger
            ledger.fixedClock = now
            let collector = AnswerCollector(expected: operations.count, promise: eventLoop.makePromise())
            for (ticket, operation) in operations.enumerated() {
                let plans = operation.scopes.map { core.value.plan(for: $0) }.filter { !$0.isInert }
                ledger.submit(
                    operation.verb, operation.amounts, on: plans, terms: operation.terms, usedAt: operation.usedAt,
                    for: collector, ticket: ticket
                )
            }
            return collector.promise.futureResult
        }.get()
    }

    func apply(_ operation: TestOperation, at now: Int64?) async throws -> String {
        try await apply([operation], at: now)[0]
    }

    /// Sets the ledger's estimate of Redis's clock, until the next reply.
    func guessClock(at now: Int64) async throws {
        try await eventLoop.submit { [core] in core.value.ledger.clock.synchronize(with: now) }.get()
    }

    /// Returns the notices since the last call.
    func takeNotices() async throws -> [LedgerNotice] {
        try await eventLoop.submit { [core] in
            defer { core.value.notices = [] }
            return core.value.notices
        }.get()
    }

    /// Returns the answers to a valid operation whose batch has waited as long as the deadline, and to others in the
    /// batch behind it, which has not.
    func applyOverdue(_ operation: TestOperation, thenInTime others: TestOperation...) async throws -> [String] {
        try await eventLoop.flatSubmit { [core, eventLoop] in
            let ledger = core.value.ledger
            let collector = AnswerCollector(expected: 1 + others.count, promise: eventLoop.makePromise())
            for (ticket, operation) in ([operation] + others).enumerated() {
                let plans = operation.scopes.map { core.value.plan(for: $0) }
                ledger.submit(operation.verb, operation.amounts, on: plans, for: collector, ticket: ticket)
                guard ticket == 0 else { continue }
                ledger.queue.filling?.begunAt = .now() - ledger.deadline
                ledger.closeBatch()
            }
            return collector.promise.futureResult.map { $0.map(\.line) }
        }.get()
    }

    /// Calls a function with arbitrary arguments.
    func reply(of function: RedisFunction, to arguments: RedisFunctionArguments) async throws -> RedisReply {
        try await eventLoop.flatSubmit { [core, eventLoop] in
            let promise = eventLoop.makePromise(of: RedisReply.self)
            core.value.link.call(function, arguments) { promise.completeWith($0.mapError { $0 }) }
            return promise.futureResult
        }.get()
    }

    /// Returns the id by which batches refer to a scope's limit set.
    func setID(of scope: String) async throws -> [UInt8] {
        let scope = try Scope(parsing: scope)
        // Without MessagePack's length byte.
        return try await eventLoop.submit { [core] in Array(core.value.plan(for: scope).set.id.dropFirst()) }.get()
    }

    /// The ledger's estimate of Redis's clock, Unix ms.
    var now: Int64 {
        get async throws { try await eventLoop.submit { [core] in core.value.ledger.redisTime }.get() }
    }

    func replay(_ record: Journal.Record) async throws -> JournalReplay.Outcome {
        try await eventLoop.flatSubmit { [core] in
            core.value.ledger.replay(record) { scope, _ in core.value.plan(for: scope) }
        }.get()
    }

    func lastApplied(of producer: String) async throws -> Int64? {
        try await eventLoop.flatSubmit { [core] in core.value.ledger.lastApplied(of: producer) }.get()
    }

    /// Returns the answer to an operation that is submitted right behind a reading of usage.
    func readUsage(of scope: String, thenApply operation: TestOperation) async throws -> String {
        let scope = try Scope(parsing: scope)
        return try await eventLoop.flatSubmit { [core, eventLoop] in
            let ledger = core.value.ledger
            ledger.readUsage(of: core.value.plan(for: scope)) { _ in }
            let collector = AnswerCollector(expected: 1, promise: eventLoop.makePromise())
            let plans = operation.scopes.map { core.value.plan(for: $0) }
            ledger.submit(operation.verb, operation.amounts, on: plans, for: collector, ticket: 0)
            return collector.promise.futureResult.map { $0[0].line }
        }.get()
    }

    func usage(of scope: String, at now: Int64) async throws -> ScopeUsage {
        let scope = try Scope(parsing: scope)
        return try await eventLoop.flatSubmit { [core, eventLoop] in
            let promise = eventLoop.makePromise(of: ScopeUsage.self)
            core.value.ledger.fixedClock = now
            core.value.ledger.readUsage(of: core.value.cache.plan(for: scope)) {
                promise.completeWith($0.mapError { $0 })
            }
            return promise.futureResult
        }.get()
    }

    /// Returns what a ``UsageReader`` needs of the plans of scopes.
    func usagePlans(of scopes: [Scope], at now: Int64) async throws -> [UsagePlan] {
        try await eventLoop.submit { [core] in
            scopes.map { UsagePlan(core.value.plan(for: $0), scope: $0, at: now) }
        }.get()
    }
}

extension ScopePlanCache {
    fileprivate var isSmall: Bool { generationSize < ScopePlanCache.generationSize }
}
