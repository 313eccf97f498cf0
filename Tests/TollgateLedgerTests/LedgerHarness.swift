import Logging
import NIOCore
import NIOPosix
import TollgateCore
import TollgateRedis
import TollgateTestSupport

@testable import TollgateLedger

/// A real ledger on a real Redis, driven in virtual time. Answers come back as lines of text, the notation in which
/// `ReferenceLedger` answers too.
struct LedgerHarness: Sendable {
    let redis: TestRedis
    private let eventLoop: any EventLoop
    private let core: NIOLoopBound<Core>

    /// What lives on the event loop.
    private final class Core {
        let ledger: Ledger
        let link: RedisLink
        var cache: ScopePlanCache {
            didSet { plans = [:] }
        }
        private var plans: [Scope: ScopePlan] = [:]
        /// What was told beside answers since somebody asked.
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
            ledger.onNotices = { [unowned self] in notices += $0 }
        }
    }

    init(
        policy: Policy, redis: TestRedis? = nil, keySpace: KeySpace = KeySpace(namespace: "tollgate"),
        journal: Journal? = nil
    ) async throws {
        let redis = try redis ?? TestRedis()
        self.redis = redis
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        self.eventLoop = eventLoop
        core = try await eventLoop.submit {
            let link = RedisLink(
                address: redis.address, eventLoop: eventLoop,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            let ledger = Ledger(
                link: link, eventLoop: eventLoop, keySpace: keySpace, deadline: .seconds(20), journal: journal)
            link.start()
            let cache = ScopePlanCache(policy: policy, keySpace: keySpace)
            return NIOLoopBound(Core(ledger: ledger, link: link, cache: cache), eventLoop: eventLoop)
        }.get()
        try await eventually { [core] in try await eventLoop.submit { core.value.ledger.isReady }.get() }
    }

    func stop() async throws {
        try await eventLoop.flatSubmit { [core] in core.value.link.shutdown() }.get()
    }

    func install(_ policy: Policy, keySpace: KeySpace = KeySpace(namespace: "tollgate")) async throws {
        try await eventLoop.submit { [core] in core.value.cache = ScopePlanCache(policy: policy, keySpace: keySpace) }
            .get()
    }

    /// From now on plans come from a cache that forgets after a few scopes.
    func useSmallCache() async throws {
        try await eventLoop.submit { [core] in
            let ledger = core.value.ledger
            core.value.cache = ScopePlanCache(
                policy: core.value.cache.policy, keySpace: KeySpace(namespace: "tollgate"), generationSize: 4,
                onDrop: { [unowned ledger] in ledger.endBatch(with: $0) })
        }.get()
    }

    /// Submits the operations in one tick, so that they travel as one batch, at a time of Redis's clock in Unix ms.
    func apply(_ operations: [TestOperation], at now: Int64?) async throws -> [String] {
        try await answers(to: operations, at: now).map(\.line)
    }

    /// The same, with the milliseconds until the reset or the retry that the answers tell.
    func answers(to operations: [TestOperation], at now: Int64?) async throws -> [AnswerLine] {
        try await eventLoop.flatSubmit { [core, eventLoop] in
            let ledger = core.value.ledger
            ledger.fixedClock = now
            let collector = Collector(expected: operations.count, promise: eventLoop.makePromise())
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

    /// Makes the ledger believe that Redis's clock stands at a time, until Redis says otherwise.
    func guessClock(at now: Int64) async throws {
        try await eventLoop.submit { [core] in core.value.ledger.clock.redisSaid(now) }.get()
    }

    /// What has been told beside answers since this was called last.
    func takeNotices() async throws -> [LedgerNotice] {
        try await eventLoop.submit { [core] in
            defer { core.value.notices = [] }
            return core.value.notices
        }.get()
    }

    /// The answers to an operation that has waited for its batch to go for as long as the deadline, and that nothing is wrong
    /// with otherwise; and to others in the batch behind it, which has not.
    func applyOverdue(_ operation: TestOperation, thenInTime others: TestOperation...) async throws -> [String] {
        try await eventLoop.flatSubmit { [core, eventLoop] in
            let ledger = core.value.ledger
            let collector = Collector(expected: 1 + others.count, promise: eventLoop.makePromise())
            for (ticket, operation) in ([operation] + others).enumerated() {
                let plans = operation.scopes.map { core.value.plan(for: $0) }
                ledger.submit(operation.verb, operation.amounts, on: plans, for: collector, ticket: ticket)
                guard ticket == 0 else { continue }
                ledger.filling?.waitsSince = .now() - ledger.deadline
                ledger.endBatch()
            }
            return collector.promise.futureResult.map { $0.map(\.line) }
        }.get()
    }

    /// What time Redis is thought to have, Unix ms.
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

    /// The answer to an operation that is submitted right behind a reading of usage.
    func readUsage(of scope: String, thenApply operation: TestOperation) async throws -> String {
        let scope = try Scope(parsing: scope)
        return try await eventLoop.flatSubmit { [core, eventLoop] in
            let ledger = core.value.ledger
            ledger.readUsage(of: core.value.plan(for: scope)) { _ in }
            let collector = Collector(expected: 1, promise: eventLoop.makePromise())
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
}

extension ScopePlanCache {
    fileprivate var isSmall: Bool { generationSize < ScopePlanCache.generationSize }
}

/// An answer in the notation of `ReferenceLedger`, and the time that it tells.
struct AnswerLine: Sendable {
    var line = ""
    var milliseconds: Int64 = 0
}

/// Gathers the answers to one batch.
private final class Collector: OperationOwner {
    let promise: EventLoopPromise<[AnswerLine]>
    private var lines: [AnswerLine]
    private var missing: Int

    init(expected: Int, promise: EventLoopPromise<[AnswerLine]>) {
        lines = Array(repeating: AnswerLine(), count: expected)
        missing = expected
        self.promise = promise
        if expected == 0 { promise.succeed([]) }
    }

    func ledgerAnswered(ticket: Int, with answer: borrowing Answer) {
        take(AnswerLine(line: Self.line(answer), milliseconds: answer.milliseconds), ticket)
    }

    func ledgerFailed(ticket: Int, of operation: FailedOperation, with failure: LedgerFailure) {
        take(AnswerLine(line: "FAILED \(failure)"), ticket)
    }

    private func take(_ line: AnswerLine, _ ticket: Int) {
        lines[ticket] = line
        missing -= 1
        if missing == 0 { promise.succeed(lines) }
    }

    private static func line(_ answer: borrowing Answer) -> String {
        var line: String
        let used = answer.used
        let held = answer.held > 0 ? " held=\(answer.held)" : ""
        let wait = answer.milliseconds
        let name = answer.limit.map { " \($0.plan.scope)/\($0.plan.set.limits[$0.index].limit.name)" } ?? ""
        switch answer.outcome {
        case .allow: line = name.isEmpty ? "ALLOW" : "ALLOW\(name) used=\(used)\(held)"
        case .deny: line = "DENY\(name) used=\(used)\(held) wait=\(wait)"
        case .ok: line = "OK"
        case .duplicate: line = "OK duplicate"
        case .late: line = "OK late"
        case .queued: line = "OK queued"
        case .conflict: line = "CONFLICT"
        case .overfull: line = "OVERFULL \(answer.limit?.plan.scope.description ?? "")"
        case .broken: line = "BROKEN \(answer.limit?.plan.scope.description ?? "")"
        }
        let shadows = answer.shadows.map { "\($0.plan.scope)/\($0.plan.set.limits[$0.index].limit.name)" }
        if !shadows.isEmpty { line += " shadow=\(shadows.joined(separator: ","))" }
        return line
    }
}
