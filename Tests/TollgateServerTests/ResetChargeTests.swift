import Testing
import TollgateCore
import TollgatePolicy
import TollgateStores
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

    private static let limits = """
        history: [user]
        defaults:
          user:
            cost:
              1h: { max: 90, on_expiry: charge }
              month: { max: 90, on_expiry: charge }
              total: { max: 90, on_expiry: charge }
        """

    /// What the limits of user:a count, by their names.
    private func used(_ harness: ServerHarness) throws -> [String: String] {
        let stored = try harness.redis.hash("tollgate:user:a")
        return ["1h.n", "month", "total"].reduce(into: [:]) { $0[$1] = stored["cost/\($1)"] }
    }

    private func all(_ amount: String) -> [String: String] { ["1h.n": amount, "month": amount, "total": amount] }

    @Test("what a reset has removed is given back to the history only", arguments: ["CANCEL", "COMMIT"])
    func lateEnd(_ verb: String) async throws {
        try await withServer(policy: Self.limits) { harness in
            let reply = try await harness.ask("RESERVE user=a cost=7 ttl=1")[0]
            try await sweep(harness)
            #expect(try used(harness) == all("7000000000"))
            #expect(try await reset(harness) == ["cost/1h", "cost/month", "cost/total"])
            #expect(try await harness.ask("RECORD user=a cost=3") == ["OK"])
            #expect(try await harness.ask("\(verb) reservation=\(token(reply))")[0].hasPrefix("OK"))
            #expect(try used(harness) == all("3000000000"))
            #expect(try harness.redis.hash("tollgate:user:a")["history/cost"] == "3000000000")
            // A reservation that ends after the reset is charged and given back as always.
            let next = try await harness.ask("RESERVE user=a cost=5 ttl=1")[0]
            try await sweep(harness)
            #expect(try used(harness) == all("8000000000"))
            #expect(try await harness.ask("\(verb) reservation=\(token(next))")[0].hasPrefix("OK"))
            #expect(try used(harness) == all("3000000000"))
        }
    }

    @Test("a reset of one limit affects what was charged to that limit only")
    func oneLimit() async throws {
        try await withServer(policy: Self.limits) { harness in
            let reply = try await harness.ask("RESERVE user=a cost=7 ttl=1")[0]
            try await sweep(harness)
            #expect(try await reset(harness, limits: [(.cost, .month)]) == ["cost/month"])
            _ = try await harness.ask("RECORD user=a cost=3", "CANCEL reservation=\(token(reply))")
            #expect(try used(harness) == all("3000000000"))
        }
    }

    @Test("a reservation that had expired before the reset, but is charged later, is charged to the history only")
    func chargedLater() async throws {
        try await withServer(policy: Self.limits) { harness in
            _ = try await harness.ask("RECORD user=a cost=1", "RESERVE user=a cost=7 ttl=1")
            let ends = try #require(
                try Int64(harness.redis.hash("tollgate:user:a")["held"]?.split(separator: " ").first ?? ""))
            try await eventually {
                let time = try harness.redis.cli("TIME").split(separator: "\n").compactMap { Int64($0) }
                return time[0] * 1_000 > ends
            }
            #expect(try await reset(harness) == ["cost/1h", "cost/month", "cost/total"])
            #expect(try await harness.ask("RECORD user=a cost=3") == ["OK"])
            try await sweep(harness)
            #expect(try used(harness) == all("3000000000"))
            #expect(try harness.redis.hash("tollgate:user:a")["history/cost"] == "11000000000")
        }
    }
}
