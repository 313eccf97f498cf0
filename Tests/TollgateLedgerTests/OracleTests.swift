import Testing
import TollgateCore
import TollgateTestSupport

@testable import TollgateLedger

/// The scripts against the model that keeps every event.
@Suite struct OracleTests {
    @Test("the script decides as the model that keeps every event", arguments: 1...50)
    func randomHistories(seed: Int) async throws {
        var history = RandomHistory(seed: UInt64(seed))
        let harness = try await LedgerHarness(policy: history.policy)
        var model = ReferenceLedger(policy: history.policy)
        var applied = 0
        while applied < 2_000 {
            if history.mayChangeCalendar() {
                try await harness.install(history.policy)
                model.changeCalendar(to: history.policy.calendar)
                try await compareUsage(harness, model, history)
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
        try history.checkTrailingWindows()
        try await compareUsage(harness, model, history)
        try StoredHistory(harness.redis).expect(model.history)
        try await harness.stop()
    }

    private func compareUsage(
        _ harness: LedgerHarness, _ model: ReferenceLedger, _ history: RandomHistory
    ) async throws {
        for scope in RandomHistory.scopes {
            let usage = try await harness.usage(of: scope, at: history.now)
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
