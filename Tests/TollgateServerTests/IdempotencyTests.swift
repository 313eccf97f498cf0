import Testing
import TollgateTestSupport

/// `id=` of RECORD and REFUND.
@Suite struct IdempotencyTests {
    static let policy = "defaults: { user: { cost: { total: 1000 } }, tool: { cost: { total: 1000 } } }"

    @Test("a RECORD or REFUND with an id counts once across all sidecars")
    func once() async throws {
        try await withServer(policy: Self.policy) { first in
            let second = try await ServerHarness(policy: Self.policy, redis: first.redis)
            #expect(try await first.ask("RECORD user=a tool=t cost=1 id=call-7") == ["OK"])
            #expect(try await second.ask("RECORD user=a tool=t cost=1 id=call-7") == ["OK duplicate=1"])
            #expect(try await second.ask("REFUND user=a tool=t cost=0.25 id=call-7") == ["OK"])
            #expect(try await first.ask("REFUND user=a tool=t cost=0.25 id=call-7") == ["OK duplicate=1"])
            #expect(try first.redis.hash("tollgate:user:a")["cost/total"] == "750000000")
            #expect(try first.redis.hash("tollgate:tool:t")["cost/total"] == "750000000")
            let seconds = try #require(Int(try first.redis.cli("TTL", "tollgate:user:a:record:call-7")))
            #expect((86_000...86_400).contains(seconds))
            await second.stop()
        }
    }

    @Test("an id belongs to the first scope that the request names")
    func perScope() async throws {
        try await withServer(policy: Self.policy) { harness in
            let replies = try await harness.ask(
                "RECORD user=a cost=1 id=1", "RECORD user=b cost=1 id=1", "RECORD tool=t user=a cost=1 id=1",
                "RECORD user=b cost=1 id=1")
            #expect(replies == ["OK", "OK", "OK", "OK duplicate=1"])
        }
    }

    @Test("no id collides with another key")
    func namesOfTheirOwn() async throws {
        try await withServer(policy: Self.policy) { harness in
            let replies = try await harness.ask(
                "RECORD user=a:record:x cost=1", "RECORD user=a cost=1 id=x", "RECORD user=a cost=1 id=x:record:x",
                "RECORD user=a:record:x cost=1 id=x", "RECORD user=a: cost=1 id=x", "RECORD user=a cost=1 id=:x",
                "RECORD user=a cost=1 id=x{}%7D", "RECORD user=a cost=1 id=x{}}", "RECORD user=a:holds cost=1",
                "RESERVE user=a cost=1", "RECORD user=a cost=1 id=:x")
            #expect(replies[..<9] == Array(repeating: "OK", count: 9)[...])
            #expect(replies[9].hasPrefix("ALLOW "))
            #expect(replies[10] == "OK duplicate=1")
        }
    }

    @Test("an id reused for other amounts is a conflict, and changes nothing")
    func conflict() async throws {
        try await withServer(policy: Self.policy) { harness in
            let replies = try await harness.ask(
                "RECORD user=a cost=1 id=x", "RECORD user=a cost=2 id=x", "RECORD user=a cost=1 tokens=1 id=x",
                "RECORD user=a tool=t cost=1.000 id=x", "REFUND user=a cost=0.5 id=x", "REFUND user=a cost=0.25 id=x")
            let conflict = "ERR conflict id: used before for other amounts"
            #expect(replies == ["OK", conflict, conflict, "OK duplicate=1", "OK", conflict])
            #expect(try harness.redis.hash("tollgate:user:a")["cost/total"] == "500000000")
        }
    }

    @Test("of many requests with one id, in one batch and through two sidecars, exactly one counts")
    func together() async throws {
        try await withServer(policy: Self.policy) { first in
            let second = try await ServerHarness(policy: Self.policy, redis: first.redis)
            let applied = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<16 {
                    group.addTask {
                        let client = try (number.isMultiple(of: 2) ? first : second).client()
                        let lines = (0..<100).map { "RECORD user=u cost=1 id=\($0 % 20)" }
                        return try await client.ask(lines).count { $0 == "OK" }
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(applied == 20)
            #expect(try first.redis.hash("tollgate:user:u")["cost/total"] == "20000000000")
            await second.stop()
        }
    }
}
