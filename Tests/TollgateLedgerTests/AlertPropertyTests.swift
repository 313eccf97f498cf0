import Testing
import TollgateCore
import TollgatePolicy
import TollgateRedis
import TollgateTestSupport

@testable import TollgateLedger
@testable import TollgateStores

/// Random usage, refunds, changes of limits and of the time: open alerts are always true, and published once.
@Suite struct AlertPropertyTests {
    private static let start: Int64 = 4_101_840_000_000

    @Test(
        "open alerts are true, the highest reached threshold is published, and none twice", arguments: 1...12
    )
    func random(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let redis = try TestRedis()
        let harness = try await LedgerHarness(policy: policy(100), redis: redis)
        var now = Self.start
        var book = AlertBook()
        for step in 0..<250 {
            let note: Comment = "seed \(seed), step \(step)"
            switch Int.random(in: 0..<20, using: &random) {
            case 0:
                let choices: [Int64?] = [50, 100, 101, 200, 400, nil]
                let max = choices.randomElement(using: &random)!
                let isThere = Int.random(in: 0..<5, using: &random) > 0
                try await harness.install(policy(max, hasTotal: isThere))
                // An alert that was just opened is rearmed after a minute.
                now += 61_000
            case 1: now += Int64.random(in: 1...40 * 3_600_000, using: &random)
            default: now += Int64.random(in: 0...200_000, using: &random)
            }
            let amounts = Amounts(tokens: Int64.random(in: 1...30, using: &random))
            let isRefund = Int.random(in: 0..<4, using: &random) == 0
            let operation: TestOperation =
                isRefund ? try .refund("user:a", amounts: amounts) : try .record("user:a", amounts: amounts)
            _ = try await harness.apply(operation, at: now)
            for change in try await publishedChanges(harness, redis) { book.take(change, note) }
            book.check(try await harness.usage(of: "user:a", at: now), at: now, note)
        }
        #expect(book.count > 5)
        try await harness.stop()
    }

    @Test(
        "requests that alternate between two limits open the alerts of each once, and resolve none of the other"
    )
    func alternating() async throws {
        let redis = try TestRedis()
        let harness = try await LedgerHarness(policy: TieredPolicy().policy, redis: redis)
        var changes: [AlertChange] = []
        for step in 0..<200 {
            try await harness.install(TieredPolicy(usual: step % 2 == 0 ? "small" : "big").policy)
            let operation = try TestOperation.record("user:a", amounts: Amounts(tokens: step == 0 ? 450 : 0))
            _ = try await harness.apply(operation, at: Self.start + Int64(step) * 61_000)
            changes += try await publishedChanges(harness, redis)
        }
        let opened = changes.map {
            if case .opened(let alert) = $0 { "\(alert.max) \(alert.threshold)" } else { "resolved" }
        }
        #expect(opened == ["100 100", "500 90"])
        // A refund resolves each alert by its own max.
        _ = try await harness.apply(.refund("user:a", amounts: Amounts(tokens: 400)), at: Self.start + 13_000_000)
        #expect(try await publishedChanges(harness, redis).count == 2)
        try await harness.stop()
    }

    @Test(
        "if a user's tier varies by request, open alerts of a tier are true for its limit, and open at most once a minute",
        arguments: UInt64(1)...8)
    func tiers(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        var tiers = TieredPolicy(period: .total)
        var (now, ids, count) = (Self.start, Set<String>(), 0)
        var (open, openedAt): ([String: Alert], [String: Int64]) = ([:], [:])
        let redis = try TestRedis()
        let harness = try await LedgerHarness(policy: tiers.policy, redis: redis)
        for step in 0..<250 {
            let note: Comment = "seed \(seed), step \(step)"
            now += Int64.random(in: 0...20_000, using: &random)
            tiers.usual = Bool.random(using: &random) ? "small" : "big"
            switch Int.random(in: 0..<20, using: &random) {
            case 0: tiers.small = [50, 100, 101, 1_000].randomElement(using: &random)!
            case 1: tiers.big = [100, 500, 2_000].randomElement(using: &random)!
            default: break
            }
            try await harness.install(tiers.policy)
            let amounts = Amounts(tokens: Int64.random(in: 0...60, using: &random))
            let isRefund = Int.random(in: 0..<2, using: &random) == 0
            let operation: TestOperation =
                isRefund ? try .refund("user:a", amounts: amounts) : try .record("user:a", amounts: amounts)
            _ = try await harness.apply(operation, at: now)
            for change in try await publishedChanges(harness, redis) {
                switch change {
                case .resolved(let id, _, _): #expect(open.removeValue(forKey: id) != nil, note)
                case .opened(let alert):
                    #expect(ids.insert(alert.id).inserted, note)
                    let key = "\(alert.max) \(alert.threshold)"
                    if let before = openedAt[key] { #expect(alert.openedAt - before >= 60_000, note) }
                    (open[alert.id], openedAt[key], count) = (alert, alert.openedAt, count + 1)
                }
            }
            let used = try #require(try await harness.usage(of: "user:a", at: now).items.first).used
            let max = tiers.usual == "small" ? tiers.small : tiers.big
            for alert in open.values where alert.source == "tier:\(tiers.usual)" {
                #expect(used >= (max * Int64(alert.threshold) + 99) / 100, "\(note): \(alert)")
            }
        }
        #expect(count > 3)
        try await harness.stop()
    }

    @Test("sidecars with different policy files open and resolve an alert at most once a minute")
    func rollout() async throws {
        let redis = try TestRedis()
        let harness = try await LedgerHarness(policy: policy(100), redis: redis)
        _ = try await harness.apply(.record("user:a", amounts: Amounts(tokens: 150)), at: Self.start)
        var opened: [String: Int] = [:]
        for step in 0..<300 {
            try await harness.install(step % 3 == 0 ? policy(nil) : policy(step % 3 == 1 ? 100 : 400))
            _ = try await harness.apply(.check("user:a"), at: Self.start + Int64(step) * 1_000)
            for case .opened(let alert) in try await publishedChanges(harness, redis) {
                opened["\(alert.limitName) \(alert.max) \(alert.threshold)", default: 0] += 1
            }
        }
        #expect(opened.values.allSatisfy { $0 <= 6 }, "\(opened)")
        try await harness.stop()
    }

    private func publishedChanges(_ harness: LedgerHarness, _ redis: TestRedis) async throws -> [AlertChange] {
        var changes: [AlertChange] = []
        for case .outbox(let outbox) in try await harness.takeNotices() {
            changes += outbox.items.compactMap { outbox.change(of: $0, in: .nano) }
            try redis.cli(["EVAL", AlertStore.removePublishedFunction.script, "1", "tollgate:user:a"] + outbox.items)
        }
        return changes
    }

    private func policy(_ max: Int64?, hasTotal: Bool = true) throws -> Policy {
        var policy = Policy()
        policy.calendar = try CalendarRules(timeZone: "America/New_York", billingDay: 26)
        policy.defaults[try ScopeKind(parsing: "user")] =
            [
                Limit(.tokens, .sliding(seconds: 3_600), max: max, thresholds: [50, 80, 100]),
                Limit(.tokens, .day, max: max), Limit(.tokens, .month, max: max.map { $0 * 3 }),
            ] + (hasTotal ? [Limit(.tokens, .total, max: max.map { $0 * 10 })] : [])
        return policy
    }
}
