import Testing
import TollgateTestSupport

/// Exact counts across instances.
@Suite struct NeverOverTests {
    static let policy = """
        defaults:
          user: { requests: { 31d: 100 } }
          tool: { requests: { 31d: 1000000 } }
        """

    @Test("32 clients of 2 sidecar processes get exactly as many ALLOW as the limit admits")
    func exactlyTheLimit() async throws {
        let redis = try TestRedis()
        // A deadline that no slow machine reaches: degraded decisions would exceed the limit.
        let arguments = ["--redis", "\(redis.address)", "--deadline", "30s"]
        let first = try await SidecarProcess(policy: Self.policy, arguments: arguments)
        let second = try await SidecarProcess(policy: Self.policy, arguments: arguments)
        let allowed = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<32 {
                group.addTask {
                    let client = try (number.isMultiple(of: 2) ? first : second).client()
                    var allowed = 0
                    for _ in 0..<25 {
                        let lines = Array(repeating: "CHECK user=alice tool=t\(number)", count: 25)
                        allowed += try await client.ask(lines).count { $0.hasPrefix("ALLOW") }
                    }
                    return allowed
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(allowed == 100)
        // The denials have not changed the tools' counters: their sum is the number of allowed requests.
        var onTools = 0
        for number in 0..<32 {
            onTools += Int(try redis.hash("tollgate:tool:t\(number)")["requests/31d.n"] ?? "0") ?? 0
        }
        #expect(onTools == 100)
        #expect(try redis.hash("tollgate:user:alice")["requests/31d.n"] == "100")
        #expect(try await first.stop() == 0)
        #expect(try await second.stop() == 0)
    }

    @Test("a DENY by one scope changes no other scope and creates nothing")
    func denyLeavesNothing() async throws {
        let policy = """
            defaults:
              user: { requests: { 1m: 5 } }
              tool: { requests: { 1m: 0 } }
              provider: { tokens: { 1m: 10 } }
            """
        try await withServer(policy: policy) { harness in
            let replies = try await harness.ask("CHECK user=alice tool=t provider=p", "PEEK user=alice")
            #expect(
                replies[0] == "DENY reason=blocked limit=tool:t/requests/1m max=0 used=0 remaining=0 source=defaults")
            #expect(replies[1].hasPrefix("ALLOW limit=user:alice/requests/1m max=5 used=0 remaining=5"))
            #expect(try harness.scopesLeft() == ["tool:t"])
            let left = try harness.redis.hash("tollgate:tool:t")
            #expect(
                Set(left.keys.filter { !$0.hasPrefix("history") }) == ["requests/1m.e"], "nothing but when it was told")
        }
    }

    @Test("money, tokens and requests add up across 2 sidecars with a FUNCTION FLUSH in between")
    func sumsSurviveFunctionFlush() async throws {
        let policy = """
            defaults:
              user: { requests: { total: 1000000 }, tokens: { total: 1000000000 }, cost: { total: 1000000 } }
            """
        let redis = try TestRedis()
        let first = try await ServerHarness(policy: policy, redis: redis)
        let second = try await ServerHarness(policy: policy, redis: redis)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<16 {
                group.addTask {
                    let client = try (number.isMultiple(of: 2) ? first : second).client()
                    for round in 0..<40 {
                        if number == 0, round == 20 { try redis.forgetFunctions() }
                        let lines = [
                            "RECORD user=u requests=1 input_tokens=3 output_tokens=4 cost=0.000000123", "CHECK user=u",
                        ]
                        let replies = try await client.ask(lines)
                        #expect(replies[0] == "OK")
                        #expect(replies[1].hasPrefix("ALLOW"))
                    }
                }
            }
            try await group.waitForAll()
        }
        let counters = try redis.hash("tollgate:user:u")
        #expect(counters["requests/total"] == "1280")
        #expect(counters["tokens/total"] == "4480")
        #expect(counters["cost/total"] == "78720")
        await first.stop()
        await second.stop()
    }
}
