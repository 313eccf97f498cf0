import Testing
import TollgateCore
import TollgatePolicy
import TollgateRedis
import TollgateTestSupport

@testable import TollgateLedger
@testable import TollgateStores

/// Alerts of limits that change, or that differ between requests.
@Suite struct AlertLimitChangeTests {
    private typealias Harness = AlertScriptHarness
    private static let start = AlertScriptHarness.start

    private func policy(_ limits: Limit...) throws -> Policy {
        var policy = Policy()
        policy.defaults[try ScopeKind(parsing: "user")] = limits
        return policy
    }

    /// Runs the body with an alert that was an hour old when another policy resolved it.
    private func withRaised(
        _ old: Policy, to new: Policy, _ body: (Harness, _ hour: Int64) async throws -> Void
    ) async throws {
        try await Harness.with(old) { harness in
            try await harness.record(101)
            #expect(try await harness.publishedChanges().opened.count == 1)
            let hour = Self.start + 3_600_000
            try await harness.ledger.install(new)
            try await harness.check(at: hour)
            #expect(try await harness.publishedChanges().reasons == [.limitRaised])
            try await body(harness, hour)
        }
    }

    @Test("limits of two tiers reached in the same millisecond are two alerts")
    func sameMillisecond() async throws {
        try await Harness.with(TieredPolicy().policy) { harness in
            try await harness.record(600)
            try await harness.ledger.install(TieredPolicy(usual: "big").policy)
            try await harness.check(at: Self.start)
            let alerts = try await harness.publishedChanges().opened
            #expect(Set(alerts.map(\.max)) == [100, 500])
            #expect(Set(alerts.map(\.id)).count == 2)
        }
    }

    @Test("an alert reopened in the millisecond of a reset is another alert")
    func resetAtOnce() async throws {
        let limit = Limit(.tokens, .total, max: 100)
        try await Harness.with(policy(limit)) { harness in
            try await harness.record(85)
            let redis = harness.ledger.redis
            try redis.cli("EVAL", PolicyStore.resetFunction.script, "1", Harness.key, limit.name)
            try await harness.record(85)
            let ids = Set(try await harness.publishedChanges().opened.map(\.id))
            #expect(ids.count == 2)
        }
    }

    @Test("raising a tier's limit resolves its alert with the next request that has the tier, and with no other")
    func tierRaised() async throws {
        try await Harness.with(TieredPolicy().policy) { harness in
            try await harness.record(85)
            let alert = try #require(try await harness.publishedChanges().opened.first)
            try await harness.ledger.install(TieredPolicy(small: 1_000, usual: "big").policy)
            try await harness.check(at: Self.start + 1)
            #expect(try await harness.publishedChanges().isEmpty)
            try await harness.ledger.install(TieredPolicy(small: 1_000).policy)
            try await harness.check(at: Self.start + 2)
            let changes = try await harness.publishedChanges()
            #expect(changes == [.resolved(id: alert.id, at: Self.start + 2, reason: .limitRaised)])
        }
    }

    @Test("a limit outside of tiers applies to every request, whatever the user's tier")
    func besideTiers() async throws {
        func policy(_ max: Int64, usual: String) throws -> Policy {
            try TieredPolicy(usual: usual, defaults: [Limit(.tokens, .day, max: max)]).policy
        }
        try await Harness.with(policy(50, usual: "small")) { harness in
            try await harness.record(45)
            let alert = try #require(try await harness.publishedChanges().opened.first)
            try await harness.ledger.install(policy(500, usual: "big"))
            try await harness.check(at: Self.start + 1)
            let changes = try await harness.publishedChanges()
            #expect(changes == [.resolved(id: alert.id, at: Self.start + 1, reason: .limitRaised)])
        }
    }

    @Test("a sidecar with the old limit does not reopen an alert within a minute of the raise")
    func oldAlert() async throws {
        let (old, new) = (try policy(Limit(.tokens, .month, max: 100)), try policy(Limit(.tokens, .month, max: 200)))
        try await withRaised(old, to: new) { harness, hour in
            for second in [Int64](1..<59) {
                try await harness.ledger.install(second % 2 == 0 ? new : old)
                try await harness.check(at: hour + second * 1_000)
                #expect(try await harness.publishedChanges().isEmpty, "\(second) s")
            }
            try await harness.ledger.install(old)
            try await harness.check(at: hour + 61_000)
            #expect(try await harness.publishedChanges().opened.count == 1)
        }
    }

    @Test("a limit that is removed and added again does not reopen an alert within a minute")
    func takenAway() async throws {
        let (old, new) = (try policy(Limit(.tokens, .month, max: 100)), try policy(Limit(.requests, .day, max: 100)))
        try await withRaised(old, to: new) { harness, hour in
            try await harness.ledger.install(old)
            try await harness.check(at: hour + 10)
            #expect(try await harness.publishedChanges().isEmpty)
            try await harness.check(at: hour + 60_000)
            #expect(try await harness.publishedChanges().opened.count == 1)
        }
    }

    @Test("lowering a limit to zero leaves its alert open, and raising it resolves the alert")
    func nothing() async throws {
        try await Harness.with(policy(Limit(.tokens, .day, max: 100))) { harness in
            try await harness.record(85)
            _ = try await harness.publishedChanges()
            try await harness.ledger.install(policy(Limit(.tokens, .day, max: 0)))
            try await harness.check(at: Self.start + 1)
            #expect(try await harness.publishedChanges().isEmpty)
            try await harness.ledger.install(policy(Limit(.tokens, .day, max: 200)))
            try await harness.check(at: Self.start + 2)
            #expect(try await harness.publishedChanges().reasons == [.limitRaised])
        }
    }

    @Test("a window that slides during a refund of other usage has ended")
    func refundOfAnother() async throws {
        let window = Limit(.tokens, .sliding(seconds: 60), max: 10, thresholds: [50])
        try await Harness.with(policy(window, Limit(.cost, .day, max: 100))) { harness in
            try await harness.record(6)
            _ = try await harness.publishedChanges()
            let refund = try TestOperation.refund("user:a", amounts: Amounts(cost: 1))
            _ = try await harness.ledger.apply(refund, at: Self.start + 70_000)
            #expect(try await harness.publishedChanges().reasons == [.periodEnded])
        }
    }

    @Test("the resolution of an alert remains in the outbox as long as its opening")
    func order() async throws {
        try await Harness.with(policy(Limit(.tokens, .day, max: 100))) { harness in
            try await harness.record(85)
            _ = try await harness.ledger.apply(.refund("user:a", amounts: Amounts(tokens: 20)), at: Self.start + 1)
            let items = try await harness.items()
            #expect(items.map { $0.prefix(9) } == [#"{"opened""#, #"{"opened""#, #"{"resolve"#])
            #expect(try harness.removePublished(items[2]) == "0")
            #expect(try harness.outbox == "[\(items[1]),\(items[2])]")
            #expect(try harness.removePublished(items[1]) == "1")
            #expect(try harness.outbox == "[\(items[2])]")
            #expect(try harness.removePublished(items[2]) == "1")
            #expect(try harness.outbox == nil)
        }
    }
}
