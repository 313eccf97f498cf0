import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger

/// A run of random operations on a ledger. It compares each answer, and the stored data at the end, with the reference model.
struct OracleRun {
    private let seed: Int
    private var history: RandomHistory
    private var model: ReferenceLedger
    /// The number of operations applied.
    private(set) var applied = 0

    init(seed: Int) {
        self.seed = seed
        history = RandomHistory(seed: UInt64(seed))
        model = ReferenceLedger(policy: history.policy)
    }

    var policy: Policy { history.policy }

    /// Applies the next batch through one of the ledgers that share the data. A change of the calendar affects all of them.
    mutating func applyBatch(by index: Int = 0, of harnesses: LedgerHarness...) async throws {
        let harness = harnesses[index]
        if history.mayChangeCalendar() {
            for harness in harnesses { try await harness.install(history.policy) }
            model.changeCalendar(to: history.policy.calendar)
            try await compareUsage(harness)
        }
        let (operations, now) = history.nextBatch()
        let answers = try await harness.apply(operations, at: now)
        for (operation, answer) in zip(operations, answers) {
            let expected = model.apply(operation, at: now)
            try #require(answer == expected, "seed \(seed), operation \(applied), at \(now): \(operation)")
            applied += 1
            history.note(operation, answer, at: now)
        }
    }

    /// Compares the ledger's usage and, if its namespace is `tollgate`, the history in Redis.
    func compareAll(_ harness: LedgerHarness, in redis: TestRedis? = nil) async throws {
        try history.checkTrailingWindows()
        try await compareUsage(harness)
        if let redis { try StoredHistory(redis).expect(model.history) }
    }

    private func compareUsage(_ harness: LedgerHarness) async throws {
        for scope in RandomHistory.scopes {
            let usage = try await harness.usage(of: scope, at: history.now)
            let model = model.expired(usage.scope, at: history.now)
            for item in usage.items {
                let expected = model.used(usage.scope, item.limit.limit, at: history.now)
                let held = model.held(usage.scope, item.limit.limit, at: history.now)
                let isConcurrent = item.limit.limit.meter == .concurrent
                #expect(item.used == (isConcurrent ? held : expected), "\(scope) \(item.limit.limit.name)")
                #expect(item.held == (isConcurrent ? 0 : held), "\(scope) \(item.limit.limit.name)")
                guard let period = model.period(usage.scope, item.limit.limit, at: history.now) else { continue }
                #expect(item.resetsAt == period.endsAt, "\(scope) \(item.limit.limit.name)")
            }
        }
    }
}
