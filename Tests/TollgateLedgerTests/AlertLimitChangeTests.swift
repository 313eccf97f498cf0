import Testing
import TollgateCore
import TollgatePolicy
import TollgateRedis
import TollgateTestSupport

@testable import TollgateLedger
@testable import TollgateStores

/// What the batch script makes of alerts where limits change, or differ from one request to the next.
@Suite struct AlertLimitChangeTests {
    private typealias Harness = AlertScriptHarness
    private static let start = AlertScriptHarness.start

    private func policy(_ limits: Limit...) throws -> Policy {
        var policy = Policy()
        policy.defaults[try ScopeKind(parsing: "user")] = limits
        return policy
    }

    /// With an alert that was an hour old when another policy ended it.
    private func withRaised(
        _ old: Policy, to new: Policy, _ body: (Harness, _ hour: Int64) async throws -> Void
    ) async throws {
        try await Harness.with(old) { harness in
            try await harness.record(101)
            #expect(try await harness.settled().opened.count == 1)
            let hour = Self.start + 3_600_000
            try await harness.ledger.install(new)
            try await harness.check(at: hour)
            #expect(try await harness.settled().reasons == [.limitRaised])
            try await body(harness, hour)
        }
    }

    @Test("limits of two tiers that are reached in the same millisecond are two alerts")
    func sameMillisecond() async throws {
        try await Harness.with(TieredPolicy().policy) { harness in
            try await harness.record(600)
            try await harness.ledger.install(TieredPolicy(usual: "big").policy)
            try await harness.check(at: Self.start)
            let alerts = try await harness.settled().opened
            #expect(Set(alerts.map(\.max)) == [100, 500])
            #expect(Set(alerts.map(\.id)).count == 2)
        }
    }

    @Test("one that is opened anew in the millisecond of a reset is another alert")
    func resetAtOnce() async throws {
        let limit = Limit(.tokens, .total, max: 100)
        try await Harness.with(policy(limit)) { harness in
            try await harness.record(85)
            let redis = harness.ledger.redis
            try redis.cli("EVAL", PolicyStore.resetFunction.script, "1", Harness.key, limit.name)
            try await harness.record(85)
            let ids = Set(try await harness.settled().opened.map(\.id))
            #expect(ids.count == 2)
        }
    }

    @Test("the limit of a tier that is raised resolves with the next request that finds it, and with no other")
    func tierRaised() async throws {
        try await Harness.with(TieredPolicy().policy) { harness in
            try await harness.record(85)
            let alert = try #require(try await harness.settled().opened.first)
            try await harness.ledger.install(TieredPolicy(small: 1_000, usual: "big").policy)
            try await harness.check(at: Self.start + 1)
            #expect(try await harness.settled().isEmpty)
            try await harness.ledger.install(TieredPolicy(small: 1_000).policy)
            try await harness.check(at: Self.start + 2)
            let changes = try await harness.settled()
            #expect(changes == [.resolved(id: alert.id, at: Self.start + 2, reason: .limitRaised)])
        }
    }

    @Test("a limit that no tier has is that of every request, whatever tier the user has")
    func besideTiers() async throws {
        func policy(_ max: Int64, usual: String) throws -> Policy {
            try TieredPolicy(usual: usual, defaults: [Limit(.tokens, .day, max: max)]).policy
        }
        try await Harness.with(policy(50, usual: "small")) { harness in
            try await harness.record(45)
            let alert = try #require(try await harness.settled().opened.first)
            try await harness.ledger.install(policy(500, usual: "big"))
            try await harness.check(at: Self.start + 1)
            let changes = try await harness.settled()
            #expect(changes == [.resolved(id: alert.id, at: Self.start + 1, reason: .limitRaised)])
        }
    }

    @Test("an old alert is not opened anew by a sidecar that has not heard of the raised limit yet, for a minute")
    func oldAlert() async throws {
        let (old, new) = (try policy(Limit(.tokens, .month, max: 100)), try policy(Limit(.tokens, .month, max: 200)))
        try await withRaised(old, to: new) { harness, hour in
            for second in [Int64](1..<59) {
                try await harness.ledger.install(second % 2 == 0 ? new : old)
                try await harness.check(at: hour + second * 1_000)
                #expect(try await harness.settled().isEmpty, "\(second) s")
            }
            try await harness.ledger.install(old)
            try await harness.check(at: hour + 61_000)
            #expect(try await harness.settled().opened.count == 1)
        }
    }

    @Test("the same where the limit is taken away, and there again")
    func takenAway() async throws {
        let (old, new) = (try policy(Limit(.tokens, .month, max: 100)), try policy(Limit(.requests, .day, max: 100)))
        try await withRaised(old, to: new) { harness, hour in
            try await harness.ledger.install(old)
            try await harness.check(at: hour + 10)
            #expect(try await harness.settled().isEmpty)
            try await harness.check(at: hour + 60_000)
            #expect(try await harness.settled().opened.count == 1)
        }
    }

    @Test("a limit of nothing leaves open what it was used up before, and a raised one resolves it")
    func nothing() async throws {
        try await Harness.with(policy(Limit(.tokens, .day, max: 100))) { harness in
            try await harness.record(85)
            _ = try await harness.settled()
            try await harness.ledger.install(policy(Limit(.tokens, .day, max: 0)))
            try await harness.check(at: Self.start + 1)
            #expect(try await harness.settled().isEmpty)
            try await harness.ledger.install(policy(Limit(.tokens, .day, max: 200)))
            try await harness.check(at: Self.start + 2)
            #expect(try await harness.settled().reasons == [.limitRaised])
        }
    }

    @Test("a window that slides while something else is refunded has ended")
    func refundOfAnother() async throws {
        let window = Limit(.tokens, .sliding(seconds: 60), max: 10, thresholds: [50])
        try await Harness.with(policy(window, Limit(.cost, .day, max: 100))) { harness in
            try await harness.record(6)
            _ = try await harness.settled()
            let refund = try TestOperation.refund("user:a", amounts: Amounts(cost: 1))
            _ = try await harness.ledger.apply(refund, at: Self.start + 70_000)
            #expect(try await harness.settled().reasons == [.periodEnded])
        }
    }

    @Test("what resolves an alert waits in the hash as long as what opens it does")
    func order() async throws {
        try await Harness.with(policy(Limit(.tokens, .day, max: 100))) { harness in
            try await harness.record(85)
            _ = try await harness.ledger.apply(.refund("user:a", amounts: Amounts(tokens: 20)), at: Self.start + 1)
            let items = try await harness.items()
            #expect(items.map { $0.prefix(9) } == [#"{"opened""#, #"{"opened""#, #"{"resolve"#])
            #expect(try harness.settle(items[2]) == "0")
            #expect(try harness.outbox == "[\(items[1]),\(items[2])]")
            #expect(try harness.settle(items[1]) == "1")
            #expect(try harness.outbox == "[\(items[2])]")
            #expect(try harness.settle(items[2]) == "1")
            #expect(try harness.outbox == nil)
        }
    }
}
