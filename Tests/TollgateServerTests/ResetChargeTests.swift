import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateServer

/// Resets of scopes with reservations that are charged when they expire.
@Suite struct ResetChargeTests {
    private static let tiers = """
        history: [user]
        tiers:
          bronze:
            limits: { cost: { day: { max: 10, on_expiry: charge }, month: { max: 50, on_expiry: charge } } }
          gold: { limits: { cost: { 1h: { max: 20, on_expiry: charge }, 2h: { max: 50, on_expiry: charge } } } }
        assignments: [ { role: b, tier: bronze }, { role: g, tier: gold } ]
        """

    private func reset(_ harness: ServerHarness, limits: [(Meter, Period)]? = nil) async throws -> [String] {
        let author = SharedPolicyTests.author
        return try await harness.sidecar.stores.policy.reset(Scope(parsing: "user:a"), limits: limits, by: author)
    }

    /// Charges the expired reservations of user:a once the last one has ended.
    private func sweep(_ harness: ServerHarness) async throws {
        let scope = try Scope(parsing: "user:a")
        try await eventually {
            let holds = try harness.redis.cli("ZCARD", "tollgate:user:a:holds")
            if holds != "0" { _ = await harness.sidecar.workers[0].sweepReservations(of: scope) }
            return holds == "0"
        }
    }

    @Test("open reservations of several tiers are charged in the limits of their tiers after a reset")
    func tiers() async throws {
        try await withServer(policy: Self.tiers) { harness in
            let client = try harness.client()
            let before = try await client.ask(
                "RECORD user=a roles=b cost=1", "RECORD user=a roles=g cost=1", "RESERVE user=a roles=b cost=5 ttl=2")
            #expect(before[2].hasPrefix("ALLOW"), "\(before)")
            #expect(try await reset(harness) == ["cost/1h", "cost/2h", "cost/day", "cost/month"])
            #expect(try await client.ask("RESERVE user=a roles=g cost=7 ttl=2")[0].hasPrefix("ALLOW"))
            try await sweep(harness)
            let stored = try harness.redis.hash("tollgate:user:a")
            #expect(stored["cost/day"] == "5000000000" && stored["cost/month"] == "5000000000", "\(stored)")
            #expect(stored["cost/1h.n"] == "7000000000" && stored["cost/2h.n"] == "7000000000", "\(stored)")
            #expect(stored["history/cost"] == "14000000000")
        }
    }
}
