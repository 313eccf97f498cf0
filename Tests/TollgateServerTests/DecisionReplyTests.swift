import Testing
import TollgateTestSupport

@testable import TollgateServer

/// The reply lines that docs/protocol.md documents.
@Suite struct DecisionReplyTests {
    static let policy = """
        kinds: [region]
        defaults:
          user: { requests: { 1m: 60, 1h: 1000 }, cost: { day: 20 } }
          tool: { requests: { 1m: { max: 2, mode: shadow } } }
          team: { requests: { 1m: { max: 4, thresholds: [50, 75] } }, cost: { total: 10 } }
        scopes:
          tool:createIssues: { requests: { 1m: 10 }, cost: { request: 1.00 } }
          user:banned: { requests: { 1m: 0 } }
          model:free: { requests: { 1m: null } }
        """

    /// Returns a line without the values that depend on the time.
    private func ageless(_ line: String) -> String {
        line.split(separator: " ").map { word in
            for key in ["reset=", "retry_after="] where word.hasPrefix(key) { return key + "…" }
            return String(word)
        }.joined(separator: " ")
    }

    private func ask(_ lines: [String]) async throws -> [String] {
        var replies: [String] = []
        try await withServer(policy: Self.policy) { replies = try await $0.client().ask(lines).map(ageless) }
        return replies
    }

    @Test("ALLOW names the limit with the smallest remaining share of its max")
    func allow() async throws {
        let replies = try await ask([
            "CHECK user=alice tool=createIssues", "PEEK user=alice", "PEEK model=free", "PEEK region=eu",
            "RECORD user=alice cost=5.5", "PEEK user=alice",
        ])
        #expect(
            replies == [
                "ALLOW limit=tool:createIssues/requests/1m max=10 used=1 remaining=9 reset=…",
                "ALLOW limit=user:alice/requests/1m max=60 used=1 remaining=59 reset=…",
                "ALLOW", "ALLOW", "OK",
                "ALLOW limit=user:alice/cost/day max=20 used=5.5 remaining=14.5 reset=…",
            ])
    }

    @Test("DENY has a reason, and retry_after if waiting helps")
    func deny() async throws {
        let replies = try await ask([
            "CHECK user=a requests=61", "CHECK user=a requests=60", "CHECK user=a",
            "PEEK tool=createIssues cost=1.000000001",
            "CHECK user=banned", "RECORD team=t cost=10", "PEEK team=t", "RECORD user=b cost=19.5",
            "CHECK user=b cost=0.6",
            "CHECK user=b cost=20.5", "CHECK user=b cost=0.5",
        ])
        #expect(
            replies == [
                "DENY reason=rate_limited limit=user:a/requests/1m max=60 used=0 remaining=60 source=defaults",
                "ALLOW limit=user:a/requests/1m max=60 used=60 remaining=0 reset=…",
                "DENY reason=rate_limited limit=user:a/requests/1m max=60 used=60 remaining=0 retry_after=… source=defaults",
                "DENY reason=too_large limit=tool:createIssues/cost/request max=1 used=0 remaining=1 source=scope",
                "DENY reason=blocked limit=user:banned/requests/1m max=0 used=0 remaining=0 source=scope",
                "OK warn=team:t/cost/total:100",
                "DENY reason=quota_exceeded limit=team:t/cost/total max=10 used=10 remaining=0 source=defaults",
                "OK warn=user:b/cost/day:95",
                "DENY reason=quota_exceeded limit=user:b/cost/day max=20 used=19.5 remaining=0.5 retry_after=… source=defaults",
                "DENY reason=quota_exceeded limit=user:b/cost/day max=20 used=19.5 remaining=0.5 source=defaults",
                "ALLOW limit=user:b/cost/day max=20 used=19.5 remaining=0.5 reset=… warn=user:b/cost/day:95",
            ])
    }

    @Test("an amount that is missing or 0 is checked as the smallest one: something has to remain")
    func minAmount() async throws {
        let replies = try await ask([
            "RECORD user=a cost=20", "PEEK user=a", "PEEK user=a cost=0", "PEEK user=banned requests=0",
            "RECORD user=b cost=19.999999999",
            "PEEK user=b cost=0",
        ])
        for reply in [replies[1], replies[2]] {
            #expect(reply.hasPrefix("DENY reason=quota_exceeded limit=user:a/cost/day max=20 used=20 remaining=0"))
        }
        #expect(replies[3].hasPrefix("DENY reason=blocked limit=user:banned/requests/1m"))
        #expect(replies[5].hasPrefix("ALLOW limit=user:b/cost/day max=20 used=19.999999999 remaining=0.000000001"))
    }

    @Test("a shadow limit counts and is reported, and never denies")
    func shadow() async throws {
        try await withServer(policy: Self.policy) { harness in
            let client = try harness.client()
            let replies = try await client.ask(Array(repeating: "CHECK tool=x user=a", count: 4)).map(ageless)
            #expect(replies[1] == "ALLOW limit=user:a/requests/1m max=60 used=2 remaining=58 reset=…")
            #expect(
                replies[2]
                    == "ALLOW limit=user:a/requests/1m max=60 used=3 remaining=57 reset=… shadow=tool:x/requests/1m")
            #expect(replies[3].hasSuffix("shadow=tool:x/requests/1m"))
            // After the replies: a report counts what has been answered when it is made.
            let status = try await client.ask("STATUS")[0]
            #expect(status.contains(#""would_deny":2"#), "\(status)")
        }
    }

    @Test("a sliding limit has thresholds of its own")
    func slidingThresholds() async throws {
        let replies = try await ask(Array(repeating: "CHECK team=t", count: 4))
        #expect(!replies[0].contains("warn="))
        #expect(replies[1].hasSuffix("warn=team:t/requests/1m:50"))
        #expect(replies[2].hasSuffix("warn=team:t/requests/1m:75"))
    }

    @Test("values with spaces and quotes are read and written as JSON strings")
    func quoting() async throws {
        let replies = try await ask([
            #"CHECK user="Alice \"B\"""#, #"CHECK user=bob++x@example.com"#, #"CHECK user="\u00fc""#,
        ])
        #expect(replies[0].hasPrefix(#"ALLOW limit="user:Alice \"B\"/requests/1m" max=60 used=1"#))
        #expect(replies[1].hasPrefix("ALLOW limit=user:bob++++x@example.com/requests/1m max=60 used=1"))
        #expect(replies[2].hasPrefix("ALLOW limit=user:ü/requests/1m max=60 used=1"))
    }

    @Test("after retry_after the same request passes, and after reset nothing counts any more")
    func times() async throws {
        let policy = "defaults: { user: { requests: { 1s: 2 } } }"
        try await withServer(policy: policy) { harness in
            let client = try harness.client()
            let replies = try await client.ask("CHECK user=a", "CHECK user=a", "CHECK user=a")
            let wait = try #require(Double(replies[2].split(separator: "retry_after=")[1].prefix { $0 != " " }))
            let reset = try #require(Double(replies[1].split(separator: "reset=")[1]))
            // A window of 1 s in 30 buckets of 34 ms, and up to one bucket more.
            #expect(wait > 1.0 && wait <= 31 * 0.034)
            #expect(reset > 1.0 && reset <= 31 * 0.034)
            try await Task.sleep(for: .seconds(wait))
            #expect(try await client.ask("CHECK user=a")[0].hasPrefix("ALLOW"))
        }
    }
}
