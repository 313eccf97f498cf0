import Testing
import TollgateClient
import TollgateTestSupport

@testable import TollgateServer

/// `warn=` in replies to RECORD and COMMIT.
@Suite struct WarningReplyTests {
    static let policy = """
        defaults:
          user: { cost: { day: 10 }, tokens: { 1h: { max: 1000, thresholds: [50] } } }
          tool: { cost: { month: 100 } }
        """

    @Test("RECORD and COMMIT warn of limits past a threshold")
    func lines() async throws {
        try await withServer(policy: Self.policy) { harness in
            let replies = try await harness.ask(
                "RECORD user=a cost=7.9", "RECORD user=a cost=0.1", "RECORD user=a tool=t cost=1 tokens=500",
                "RECORD user=b cost=8 id=1", "RECORD user=b cost=8 id=1")
            #expect(
                replies == [
                    "OK", "OK warn=user:a/cost/day:80", "OK warn=user:a/tokens/1h:50,user:a/cost/day:90",
                    "OK warn=user:b/cost/day:80", "OK duplicate=1",
                ])
            let reserved = try await harness.ask("RESERVE user=c cost=9")[0]
            let token = try #require(reserved.split(separator: "reservation=").last)
            #expect(
                try await harness.ask("COMMIT reservation=\(token) cost=9.5", "COMMIT reservation=\(token) cost=9.5")
                    == ["OK warn=user:c/cost/day:95", "OK duplicate=1"])
        }
    }

    @Test("the client parses warnings into its receipt")
    func receipts() async throws {
        try await withServer(policy: Self.policy) { harness in
            let client = TollgateClient(.unix(path: harness.socketPath), deadline: .seconds(20))
            #expect(try await client.record(.user("a"), amounts: Amounts(cost: 1_000_000_000)).warnings == [])
            let user = try Scope(parsing: "user:a")
            let recorded = try await client.record(.user("a"), amounts: Amounts(tokens: 600, cost: 7_000_000_000))
            #expect(
                Set(recorded.warnings) == [
                    LimitWarning(scope: user, limit: "cost/day", threshold: 80),
                    LimitWarning(scope: user, limit: "tokens/1h", threshold: 50),
                ])
            let reservation = try await client.reserve(.user("a"), amounts: Amounts(cost: 1_000_000_000))
            #expect(reservation.decision.warnings.map(\.description).contains("user:a/cost/day:80"))
            let committed = try await client.commit(reservation, amounts: Amounts(cost: 5_000_000_000))
            #expect(committed.warnings.contains(LimitWarning(scope: user, limit: "cost/day", threshold: 100)))
            await client.shutdown()
        }
    }
}
