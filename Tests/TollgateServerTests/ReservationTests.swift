import Foundation
import Testing
import TollgateTestSupport

/// RESERVE, COMMIT and CANCEL over the protocol.
@Suite struct ReservationTests {
    static let policy = """
        defaults:
          user: { requests: { 1h: 100 }, tokens: { 1m: 1000 }, cost: { total: 10 }, concurrent: 3 }
          tool: { concurrent: 2 }
          team: { cost: { day: 1 } }
        """

    @Test("on_expiry=charge makes the held tokens and cost usage when the reservation expires")
    func charge() async throws {
        try await withServer(policy: Self.policy) { harness in
            let client = try harness.client()
            let reply = try await client.ask("RESERVE user=a tokens=400 cost=4 ttl=1 on_expiry=charge")[0]
            #expect(reply.hasPrefix("ALLOW "), "\(reply)")
            try await eventually(within: .seconds(30)) {
                try await client.ask("USAGE scope=user:a")[0].contains(
                    #"{"held":"0","limit":"cost/total","max":"10","mode":"enforce","percent":40"#)
            }
            #expect(try await client.ask("COMMIT reservation=\(try token(reply)) tokens=300 cost=1") == ["OK late=1"])
            let usage = try await client.ask("USAGE scope=user:a")[0]
            #expect(
                usage.contains(#"{"held":"0","limit":"cost/total","max":"10","mode":"enforce","percent":10"#),
                "\(usage)")
        }
    }

    @Test("a hold counts for every limit of its scopes until it is committed, and then the usage does")
    func commit() async throws {
        try await withServer(policy: Self.policy) { harness in
            let client = try harness.client()
            let reply = try await client.ask("RESERVE user=a tool=t tokens=400 cost=4 ttl=60")[0]
            #expect(reply.hasPrefix("ALLOW limit=tool:t/concurrent max=2 used=1 remaining=1 reset=0 reservation="))
            let (usage, denied, peeked) = try await (
                client.ask("USAGE scope=user:a")[0], client.ask("CHECK user=a cost=7")[0], client.ask("PEEK user=a")[0]
            )
            #expect(usage.contains(#"{"held":"4","limit":"cost/total","max":"10","mode":"enforce","percent":40"#))
            #expect(
                usage.contains(#"{"held":0,"limit":"concurrent","max":3,"mode":"enforce","percent":33.3,"remaining":2"#)
            )
            #expect(
                denied.hasPrefix("DENY reason=quota_exceeded limit=user:a/cost/total max=10 used=0 held=4 remaining=6 ")
            )
            #expect(denied.contains(" retry_after="), "when the hold ends")
            #expect(peeked.hasPrefix("ALLOW limit=user:a/tokens/1m max=1000 used=0 held=400 remaining=600 "))
            #expect(try await client.ask("COMMIT reservation=\(try token(reply)) tokens=300 cost=5") == ["OK"])
            let settled = try await client.ask("USAGE scope=user:a")[0]
            #expect(settled.contains(#"{"held":"0","limit":"cost/total","max":"10","mode":"enforce","percent":50"#))
            #expect(try harness.redis.hash("tollgate:user:a")["held"] == nil)
            #expect(try harness.redis.cli("EXISTS", "tollgate:user:a:holds") == "0")
            #expect(try harness.redis.hash("tollgate:user:a")["tokens/1m.n"] == "300")
        }
    }

    @Test("a second COMMIT or CANCEL is a duplicate and changes nothing, also through another sidecar")
    func duplicates() async throws {
        try await withServer(policy: Self.policy) { harness in
            let other = try await ServerHarness(policy: Self.policy, redis: harness.redis)
            for (first, replies) in [("COMMIT", "0.5"), ("CANCEL", "")] {
                let token = try token(try await harness.ask("RESERVE user=a cost=1")[0])
                let amounts = replies.isEmpty ? "" : " cost=\(replies)"
                #expect(try await harness.ask("\(first) reservation=\(token)\(amounts)") == ["OK"])
                let again = try await other.ask(
                    "CANCEL reservation=\(token)", "COMMIT reservation=\(token) cost=3", "COMMIT reservation=\(token)")
                let charged = first == "CANCEL" ? "OK late=1" : "OK duplicate=1"
                #expect(again == ["OK duplicate=1", charged, "OK duplicate=1"])
            }
            let counters = try harness.redis.hash("tollgate:user:a")
            #expect(counters["cost/total"] == "3500000000", "what comes behind a CANCEL is charged")
            #expect(counters["requests/1h.n"] == "1", "the cancelled one gave its request back")
            await other.stop()
        }
    }

    @Test("a hold expires, and a COMMIT after that is charged and flagged")
    func expiry() async throws {
        try await withServer(policy: Self.policy) { harness in
            let client = try harness.client()
            let token = try token(try await client.ask("RESERVE user=a cost=10 ttl=1")[0])
            #expect(try await client.ask("RESERVE user=a cost=1")[0].hasPrefix("DENY reason=quota_exceeded"))
            try await eventually { try await client.ask("PEEK user=a cost=10")[0].hasPrefix("ALLOW") }
            #expect(try await client.ask("COMMIT reservation=\(token) cost=12")[0].hasPrefix("OK late=1"))
            #expect(try await client.ask("COMMIT reservation=\(token) cost=12") == ["OK duplicate=1"])
            #expect(try harness.redis.hash("tollgate:user:a")["cost/total"] == "12000000000")
            #expect(try await client.ask("CHECK user=a")[0].hasPrefix("DENY reason=quota_exceeded"))
        }
    }

    @Test("a denied RESERVE changes no scope")
    func refused() async throws {
        try await withServer(policy: Self.policy) { harness in
            let reply = try await harness.ask("RESERVE user=a team=x tool=t cost=1.000000001 tokens=5")[0]
            #expect(reply.hasPrefix("DENY reason=quota_exceeded limit=team:x/cost/day max=1 used=0 remaining=1"))
            #expect(try harness.scopesLeft() == ["team:x"])
            let left = try harness.redis.hash("tollgate:team:x")
            #expect(
                Set(left.keys.filter { !$0.hasPrefix("history") }) == ["cost/day.e"], "nothing but when it was told")
        }
    }

    @Test("concurrent limits apply to every kind of scope, and not to a CHECK")
    func concurrent() async throws {
        try await withServer(policy: Self.policy) { harness in
            let client = try harness.client()
            let first = try await client.ask("RESERVE user=a tool=t ttl=30")[0]
            _ = try await client.ask("RESERVE user=b tool=t ttl=40")
            let denied = try await client.ask("RESERVE user=c tool=t")[0]
            #expect(
                denied.hasPrefix(
                    "DENY reason=concurrency limit=tool:t/concurrent max=2 used=2 remaining=0 retry_after="))
            let wait = try #require(denied.split(separator: "retry_after=").last?.split(separator: " ").first)
            #expect((25...30).contains(try #require(Double(wait))))
            #expect(try await client.ask("CHECK user=c tool=t")[0].hasPrefix("ALLOW"))
            #expect(try await client.ask("CANCEL reservation=\(try token(first))") == ["OK"])
            #expect(try await client.ask("RESERVE user=c tool=t")[0].hasPrefix("ALLOW"))
        }
    }

    @Test("64 tasks on 2 sidecars never hold and use more than the budget, and the final balance is exact")
    func budget() async throws {
        let policy = "defaults: { user: { cost: { total: { max: 10, thresholds: [] } } } }"
        try await withServer(policy: policy) { first in
            let second = try await ServerHarness(policy: policy, redis: first.redis)
            let committed = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<64 {
                    group.addTask {
                        let client = try (number.isMultiple(of: 2) ? first : second).client()
                        var committed = 0
                        while true {
                            let reply = try await client.ask("RESERVE user=u cost=0.07")[0]
                            guard reply.hasPrefix("ALLOW") else {
                                #expect(reply.hasPrefix("DENY reason=quota_exceeded"))
                                if reply.contains(" held=") { continue }
                                return committed
                            }
                            #expect(usedAndHeld(reply) <= 10.0)
                            #expect(try await client.ask("COMMIT reservation=\(try token(reply)) cost=0.05") == ["OK"])
                            committed += 1
                        }
                    }
                }
                return try await group.reduce(0, +)
            }
            // The last RESERVE passes while used + 0.07 fits: at 9.90, which leaves 9.95.
            #expect(committed == 199)
            #expect(try first.redis.hash("tollgate:user:u")["cost/total"] == "9950000000")
            #expect(try first.redis.hash("tollgate:user:u")["held"] == nil)
            await second.stop()
        }
    }

    @Test("a limit for one request ignores holds")
    func requestLimits() async throws {
        let policy =
            "defaults: { user: { requests: { 1m: 100 }, cost: { request: 1, day: { max: 100, thresholds: [] } } } }"
        try await withServer(policy: policy) { harness in
            let client = try harness.client()
            for _ in 0..<3 {
                #expect(try await client.ask("RESERVE user=a cost=0.6")[0].hasPrefix("ALLOW limit=user:a/requests/1m"))
                #expect(try await client.ask("CHECK user=a cost=0.5", "CHECK user=a")[0].hasPrefix("ALLOW"))
            }
            let refused = try await client.ask("RESERVE user=a cost=1.01")[0]
            #expect(refused.hasPrefix("DENY reason=too_large limit=user:a/cost/request max=1 used=0 remaining=1 "))
            #expect(try await client.ask("USAGE scope=user:a")[0].contains(#"{"held":"0","limit":"cost/request""#))
        }
    }

    @Test("ten thousand holds that expire together are removed in two portions")
    func manyEnd() async throws {
        let policy = "defaults: { user: { tokens: { total: 20000 } } }"
        try await withServer(policy: policy) { harness in
            let client = try harness.client()
            for _ in 0..<25 {
                let replies = try await client.ask(Array(repeating: "RESERVE user=a tokens=1 ttl=3", count: 500))
                #expect(replies.allSatisfy { $0.hasPrefix("ALLOW") })
            }
            let last = try token(try await client.ask("RESERVE user=a tokens=7 ttl=60")[0])
            try await Task.sleep(for: .milliseconds(3_100))
            #expect(try await client.ask("PEEK user=a")[0].contains(" held="))
            #expect(try await client.ask("PEEK user=a tokens=19993")[0].contains(" used=0 held=7 remaining=19993"))
            #expect(try harness.redis.cli("ZCARD", "tollgate:user:a:holds") == "1")
            #expect(try await client.ask("COMMIT reservation=\(last) tokens=7")[0].hasPrefix("OK"))
            let left = try harness.redis.hash("tollgate:user:a").filter { !$0.key.hasPrefix("history") }
            #expect(left == ["tokens/total": "7"])
        }
    }

    @Test("the hold of a client that disconnects expires after its time to live")
    func disconnected() async throws {
        try await withServer(policy: Self.policy) { harness in
            for _ in 0..<3 {
                let client = try harness.client()
                try await client.send("RESERVE user=a cost=3 ttl=2\n")
            }
            try await eventually { try harness.redis.hash("tollgate:user:a")["held"]?.contains(" 3 ") == true }
            #expect(try await harness.ask("RESERVE user=a cost=3")[0].hasPrefix("DENY reason="))
            let started = ContinuousClock.now
            try await eventually { try await harness.ask("PEEK user=a cost=10")[0].hasPrefix("ALLOW") }
            #expect(ContinuousClock.now - started < .seconds(4))
        }
    }

    @Test("an invalid token and an expired reservation have different errors")
    func bad() async throws {
        try await withServer(policy: Self.policy) { harness in
            let token = try token(try await harness.ask("RESERVE user=a cost=1")[0])
            for bad in [
                "x", String(token.dropLast(2)), token + "AAAA", "\"\u{e9}\"", String(repeating: "A", count: 5_000),
            ] {
                let replies = try await harness.ask("COMMIT reservation=\(bad) cost=1", "CANCEL reservation=\(bad)")
                for reply in replies { #expect(reply.hasPrefix("ERR bad_request reservation: "), "\(bad): \(reply)") }
            }
            let other = try await ServerHarness(policy: Self.policy, redis: harness.redis)
            #expect(try await other.ask("COMMIT reservation=\(token) cost=1") == ["OK"])
            await other.stop()
        }
    }
}

/// Returns the token of a reply to a RESERVE.
func token(_ reply: String) throws -> String {
    String(try #require(reply.split(separator: " reservation=").dropFirst().first?.split(separator: " ").first))
}

private func usedAndHeld(_ reply: String) -> Double {
    let fields = reply.split(separator: " ").map { $0.split(separator: "=") }
    return fields.filter { ["used", "held"].contains($0[0]) }.reduce(0) { $0 + (Double($1[1]) ?? 0) }
}
