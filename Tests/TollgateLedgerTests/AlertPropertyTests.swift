import Testing
import TollgateCore
import TollgateRedis
import TollgateTestSupport

@testable import TollgateLedger

/// Random usage, refunds, changes of the limit and of the time: whatever happens, what is open is true, and told once.
@Suite struct AlertPropertyTests {
    /// What holds at all times, by what was told so far.
    private struct Book {
        struct Key: Hashable {
            var limit: String
            var period: String?
            var max: Int64
            var threshold: Int
        }

        var open: [String: Alert] = [:]
        var opened: Set<Key> = []
        /// With what stayed open when the max changed.
        var told: Set<Key> = []
        var ids: Set<String> = []
        var resolved: Set<String> = []

        mutating func take(_ change: AlertChange, _ note: Comment) {
            switch change {
            case .opened(let alert):
                #expect(ids.insert(alert.id).inserted, note)
                let key = Key(
                    limit: alert.limitName, period: alert.periodID, max: alert.max, threshold: alert.threshold)
                #expect(opened.insert(key).inserted, note)
                told.insert(key)
                open[alert.id] = alert
            case .resolved(let id, _, _):
                #expect(open.removeValue(forKey: id) != nil, note)
                #expect(resolved.insert(id).inserted, note)
            }
        }
    }

    @Test(
        "what is open has been reached, the highest that is reached has been told, and nothing twice", arguments: 1...20
    )
    func random(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let redis = try TestRedis()
        var max: Int64 = 100
        let harness = try await LedgerHarness(policy: policy(max), redis: redis)
        var now: Int64 = 4_101_840_000_000
        var book = Book()
        for step in 0..<300 {
            let note: Comment = "seed \(seed), step \(step)"
            switch Int.random(in: 0..<20, using: &random) {
            case 0:
                max = [50, 100, 101, 200, 400].randomElement(using: &random)!
                try await harness.install(policy(max))
            case 1: now += Int64.random(in: 1...40 * 3_600_000, using: &random)
            default: now += Int64.random(in: 0...10_000, using: &random)
            }
            let tokens = Int64.random(in: 1...30, using: &random)
            let isRefund = Int.random(in: 0..<4, using: &random) == 0
            let amounts = Amounts(tokens: tokens)
            let operation: TestOperation =
                isRefund ? try .refund("user:a", amounts: amounts) : try .record("user:a", amounts: amounts)
            _ = try await harness.apply(operation, at: now)
            for change in try await settled(harness, redis) { book.take(change, note) }
            try await check(&book, harness, at: now, note)
        }
        try await harness.stop()
    }

    private func check(_ book: inout Book, _ harness: LedgerHarness, at now: Int64, _ note: Comment) async throws {
        for item in try await harness.usage(of: "user:a", at: now).items {
            let name = item.limit.limit.name
            let thresholds = item.limit.thresholdAmounts
            for alert in book.open.values where alert.limitName == name {
                let amount = (item.limit.limit.max! * Int64(alert.threshold) + 99) / 100
                #expect(item.used >= amount, note)
                book.told.insert(
                    Book.Key(
                        limit: name, period: alert.periodID, max: item.limit.limit.max!, threshold: alert.threshold))
                #expect(alert.endsAt == nil || alert.endsAt! > now, note)
            }
            guard let highest = thresholds.last(where: { $0.amount <= item.used }) else { continue }
            let isTold = book.told.contains {
                $0.limit == name && $0.max == item.limit.limit.max && $0.threshold >= highest.percent
            }
            #expect(isTold, note)
        }
    }

    private func settled(_ harness: LedgerHarness, _ redis: TestRedis) async throws -> [AlertChange] {
        var changes: [AlertChange] = []
        for case .pending(let pending) in try await harness.takeNotices() {
            let lines = pending.changes.map(\.line)
            changes += pending.changes.compactMap(\.change)
            try redis.cli(["EVAL", AlertStore.settleScript.source, "1", "tollgate:{user:a}"] + lines)
        }
        return changes
    }

    private func policy(_ max: Int64) throws -> Policy {
        var policy = Policy()
        policy.calendar = try CalendarRules(timeZone: "America/New_York", billingDay: 26)
        policy.defaults[try ScopeKind(parsing: "user")] = [
            Limit(.tokens, .day, max: max), Limit(.tokens, .month, max: max * 3), Limit(.tokens, .total, max: max * 10),
        ]
        return policy
    }
}
