import Foundation
import NIOCore
import Testing
import TollgateTestSupport

@testable import TollgateServer

/// Requests that name a provider and no account count in the account that is bound to the provider.
@Suite struct AccountBindingTests {
    private static let limits =
        "{ requests: { total: 10 }, tokens: { total: 1000 }, cost: { total: 10 }, concurrent: 2 }"

    /// - Parameter bind: The setting of the account `main`; nil for no binding.
    private static func policy(bind: String? = "openai", _ more: String = "") -> String {
        """
        thresholds: []
        on_redis_failure: { cost: open }
        accounts:
          main: { provider: openai, \(bind.map { "bind: \($0), " } ?? "")limits: \(limits) }
          spare: { provider: openai, limits: \(limits) }
        \(more)
        """
    }

    private func account(_ id: String = "main", _ harness: ServerHarness) throws -> [String: String] {
        try harness.redis.hash("tollgate:account:\(id)")
    }

    // MARK: - Requests

    @Test("CHECK, RECORD and REFUND count, PEEK does not, and the account's limits deny")
    func counts() async throws {
        try await withServer(policy: Self.policy()) { harness in
            let client = try harness.client()
            let checked = try await client.ask("CHECK user=a provider=openai requests=9")[0]
            #expect(checked.hasPrefix("ALLOW limit=account:main/requests/total max=10 used=9 remaining=1 "))
            let replies = try await client.ask(
                "RECORD user=a provider=openai tokens=70 cost=2", "REFUND provider=openai tokens=20 cost=0.5",
                "PEEK provider=openai")
            #expect(replies[..<2] == ["OK", "OK"])
            #expect(replies[2].hasPrefix("ALLOW limit=account:main/requests/total max=10 used=9 remaining=1 "))
            let denied = try await client.ask("CHECK user=a provider=openai requests=2", "CHECK provider=openai cost=9")
            #expect(denied[0].hasPrefix("DENY reason=quota_exceeded limit=account:main/requests/total max=10 used=9 "))
            #expect(denied[1].hasPrefix("DENY reason=quota_exceeded limit=account:main/cost/total max=10 used=1.5 "))
            let counters = try account("main", harness)
            #expect(counters["requests/total"] == "9" && counters["tokens/total"] == "50")
            #expect(counters["cost/total"] == "1500000000")
            #expect(counters["history/requests/provider=openai"] == "9" && counters["history/denied"] == "3")
        }
    }

    @Test("RESP clients and calls from within the process count too")
    func doors() async throws {
        try await withServer(policy: Self.policy()) { harness in
            let client = try harness.client()
            try await client.send("*2\r\n$5\r\nCHECK\r\n$15\r\nprovider=openai\r\n")
            _ = try await client.readLine()
            #expect(try await client.readLine()?.hasPrefix("ALLOW limit=account:main/requests/total") == true)
            let reply = await harness.sidecar.reply(to: ByteBuffer(string: "CHECK provider=openai\n"))
            #expect(reply.hasPrefix("ALLOW limit=account:main/requests/total max=10 used=2 "), "\(reply)")
        }
    }

    @Test("an account that a request names is the only one in which it counts; other providers have none")
    func namedAccount() async throws {
        try await withServer(policy: Self.policy()) { harness in
            let replies = try await harness.ask(
                "CHECK provider=openai account=spare", "CHECK account=other provider=openai",
                "CHECK provider=openai-eu",
                "CHECK provider=open", "CHECK user=openai", "RECORD provider=azure cost=1",
                "USAGE scope=provider:openai")
            #expect(replies[0].hasPrefix("ALLOW limit=account:spare/requests/total"))
            #expect(Array(replies[1...4]) == ["ALLOW", "ALLOW", "ALLOW", "ALLOW"])
            #expect(try account("main", harness).isEmpty)
        }
    }

    @Test("all that Redis has of a bound account is what it has of a named one")
    func likeNamed() async throws {
        let more = "defaults: { account+tool: { tokens: { total: 1000 } } }\nhistory: [user, account]"
        try await withServer(policy: Self.policy(bind: "openai", more)) { harness in
            let client = try harness.client()
            for scopes in ["provider=openai", "provider=openai account=spare"] {
                var lines: [String] = []
                for number in 1...3 {
                    lines += [
                        "CHECK user=a tool=t \(scopes) model=m requests=\(number)", "PEEK tool=t \(scopes)",
                        "RECORD tool=t \(scopes) input_tokens=\(number) output_tokens=5 cost=0.25 id=\(number) user=b",
                        "RECORD tool=t \(scopes) input_tokens=\(number) output_tokens=5 cost=0.25 id=\(number) user=b",
                        "REFUND \(scopes) tokens=2 cost=0.05", "CHECK \(scopes) requests=11", "CHECK \(scopes) cost=11",
                    ]
                }
                let replies = try await client.ask(lines.map { $0.replacing("id=", with: "id=\(scopes.count)") })
                #expect(replies.filter { $0 == "OK duplicate=1" }.count == 3, "\(replies)")
                #expect(!replies.contains { $0.hasPrefix("ERR") }, "\(replies)")
                let reserved = try await client.ask(
                    "RESERVE tool=t \(scopes) cost=1", "RESERVE \(scopes) cost=2 tokens=9", "RESERVE \(scopes)")
                #expect(reserved[2].hasPrefix("DENY reason=concurrency limit=account:"))
                let ended = try await client.ask(
                    "COMMIT reservation=\(try token(reserved[0])) cost=0.5",
                    "CANCEL reservation=\(try token(reserved[1]))")
                #expect(ended == ["OK", "OK"])
            }
            // Without the times of denials.
            let (bound, named) = (
                try account("main", harness).filter { !$0.key.hasSuffix(".e") },
                try account("spare", harness).filter { !$0.key.hasSuffix(".e") }
            )
            #expect(bound == named)
            #expect(bound["cost/total"] == "1100000000" && bound["requests/total"] == "7", "\(bound)")
            let joined = try ["main", "spare"].map { try harness.redis.hash("tollgate:tool:t+account:\($0)") }
            #expect(joined[0] == joined[1] && joined[0]["tokens/total"] == "21", "\(joined)")
        }
    }

    @Test("an id with a plus sign, and ids that are folded to lower case, are bound too")
    func spelling() async throws {
        let plus = Self.policy(bind: "Open+AI")
        try await withServer(policy: plus) { harness in
            let replies = try await harness.ask("CHECK provider=Open+AI", "CHECK provider=open+ai")
            #expect(replies[0].hasPrefix("ALLOW limit=account:main/") && replies[1] == "ALLOW")
        }
        try await withServer(policy: plus + "\nfold_case: [provider, account]") { harness in
            let replies = try await harness.ask(
                "CHECK provider=Open+AI", "CHECK provider=open+ai", "CHECK provider=OPEN+ai")
            #expect(replies.allSatisfy { $0.hasPrefix("ALLOW limit=account:main/") }, "\(replies)")
            #expect(try account("main", harness)["requests/total"] == "3")
        }
    }

    @Test("the id of an account is folded too, with its limits")
    func foldedAccount() async throws {
        let policy = """
            fold_case: [account]
            accounts: { Main: { provider: openai, bind: openai, limits: { requests: { total: 3 } } } }
            """
        try await withServer(policy: policy) { harness in
            let replies = try await harness.ask("CHECK provider=openai", "CHECK account=MAIN provider=azure")
            #expect(replies[0].hasPrefix("ALLOW limit=account:main/requests/total max=3 used=1 "), "\(replies)")
            #expect(replies[1].hasPrefix("ALLOW limit=account:main/requests/total max=3 used=2 "), "\(replies)")
        }
    }

    @Test("a request with the maximum number of scopes has no room for the account")
    func room() async throws {
        try await withServer(policy: Self.policy(bind: "openai", "unknown_kinds: allow")) { harness in
            let others = (1...15).map { "k\($0)=x" }
            let (full, rest) = (others.joined(separator: " "), others.dropFirst().joined(separator: " "))
            let error =
                "ERR bad_request provider: more than 16 scopes with the account that is bound to it; expected one less"
            for verb in ["CHECK", "PEEK", "RECORD", "RESERVE"] {
                #expect(try await harness.ask("\(verb) \(full) provider=openai cost=1") == [error])
            }
            let replies = try await harness.ask(
                "CHECK \(full) provider=azure", "CHECK \(rest) account=spare provider=openai",
                "CHECK \(rest) provider=openai", "RESERVE \(rest) provider=openai")
            #expect(!replies.contains { $0.hasPrefix("ERR") }, "\(replies)")
            #expect(try await harness.ask("COMMIT reservation=\(try token(replies[3])) cost=1") == ["OK"])
            #expect(try account("main", harness)["requests/total"] == "2")
        }
    }

    @Test("with partitions the account has to be in that of the other scopes")
    func partitions() async throws {
        let policy = Self.policy(bind: "openai", "history: [user, account]")
        try await withServer(policy: policy, adjust: { $0.partitions = 300 }) { harness in
            var errors = 0
            for number in 0..<5 {
                let scopes = "user=u\(number) provider=openai"
                let replies = try await harness.ask("CHECK \(scopes)", "CHECK \(scopes) account=main")
                errors += replies.count { $0.contains("account:main in partition") }
                #expect(replies[0].hasPrefix("ERR") == replies[1].hasPrefix("ERR"), "\(replies)")
            }
            #expect(errors > 0)
        }
    }

    // MARK: - Reservations

    @Test("a reservation holds in the account, which its COMMIT, CANCEL or end releases")
    func reservations() async throws {
        try await withServer(policy: Self.policy()) { harness in
            let client = try harness.client()
            let first = try await client.ask("RESERVE user=a provider=openai cost=6")[0]
            let full = try await client.ask("RESERVE user=b provider=openai cost=6")[0]
            #expect(full.hasPrefix("DENY reason=quota_exceeded limit=account:main/cost/total max=10 used=0 held=6 "))
            let second = try await client.ask("RESERVE provider=openai cost=4 ttl=1")[0]
            #expect(try account("main", harness)["held"]?.contains(" 2 ") == true)
            #expect(try await client.ask("COMMIT reservation=\(try token(first)) cost=5") == ["OK"])
            #expect(try await client.ask("COMMIT reservation=\(try token(first)) cost=5") == ["OK duplicate=1"])
            try await eventually { try await client.ask("PEEK provider=openai cost=5")[0].hasPrefix("ALLOW") }
            #expect(try await client.ask("COMMIT reservation=\(try token(second)) cost=1") == ["OK late=1"])
            let third = try await client.ask("RESERVE provider=openai cost=4")[0]
            #expect(try await client.ask("CANCEL reservation=\(try token(third))") == ["OK"])
            let counters = try account("main", harness)
            #expect(counters["cost/total"] == "6000000000" && counters["requests/total"] == "2")
            #expect(counters["held"] == nil)
            #expect(try harness.redis.cli("EXISTS", "tollgate:account:main:holds") == "0")
        }
    }

    @Test("a reservation that was made while the account was bound ends there, also without the binding or the account")
    func unbound() async throws {
        let without = "no_limits: true"
        for policy in [Self.policy(bind: nil), Self.policy(bind: "azure"), without] {
            try await withServer(policy: Self.policy(), adjust: { $0.workers = 1 }) { harness in
                let client = try harness.client()
                let reserved = try await client.ask("RESERVE provider=openai cost=3", "RESERVE provider=openai cost=4")
                try await harness.install(policy)
                let reply = try await client.ask("CHECK provider=openai")[0]
                #expect(reply == "ALLOW", "\(reply)")
                let ended = try await client.ask(
                    "COMMIT reservation=\(try token(reserved[0])) cost=2",
                    "CANCEL reservation=\(try token(reserved[1]))")
                #expect(ended == ["OK", "OK"])
                #expect(try account("main", harness)["held"] == nil)
                #expect(try harness.redis.cli("EXISTS", "tollgate:account:main:holds") == "0")
                // Limits that a policy does not have are not counted.
                guard policy != without else { return }
                let counters = try account("main", harness)
                #expect(counters["cost/total"] == "2000000000" && counters["requests/total"] == "1")
            }
        }
    }

    @Test("a reservation that was made before the account was bound leaves it alone")
    func boundLater() async throws {
        try await withServer(policy: Self.policy(bind: nil), adjust: { $0.workers = 1 }) { harness in
            let client = try harness.client()
            let reserved = try await client.ask(
                "RESERVE provider=openai cost=3", "RESERVE provider=openai cost=4",
                "RECORD provider=openai user=a cost=1 id=x")
            try await harness.install(Self.policy())
            let ended = try await client.ask(
                "COMMIT reservation=\(try token(reserved[0])) cost=2", "CANCEL reservation=\(try token(reserved[1]))",
                "RECORD provider=openai user=a cost=1 id=x")
            #expect(ended == ["OK", "OK", "OK duplicate=1"])
            #expect(try account("main", harness).isEmpty)
            #expect(try await client.ask("CHECK provider=openai")[0].contains(" used=1 "))
        }
    }

    // MARK: - Outage

    @Test("usage that is journaled in an outage counts in the account to which the provider was bound then")
    func journal() async throws {
        let redis = try TestRedis(arguments: ["--appendonly", "yes", "--appendfsync", "always"])
        try await withServer(policy: Self.policy(), redis: redis, adjust: { $0.workers = 1 }) { harness in
            let client = try harness.client()
            let reserved = try await client.ask("RESERVE provider=openai cost=3", "RESERVE provider=openai cost=4")
            redis.stop()
            try await eventually { await harness.sidecar.report().redis.links.allSatisfy { $0 != "ready" } }
            let lines = [
                "RECORD user=a provider=openai tokens=7 cost=1 id=x",
                "RECORD user=a provider=openai tokens=7 cost=1 id=x",
                "RECORD provider=openai account=spare cost=1", "REFUND provider=openai tokens=2",
                "COMMIT reservation=\(try token(reserved[0])) cost=2", "CANCEL reservation=\(try token(reserved[1]))",
            ]
            #expect(try await client.ask(lines) == Array(repeating: "OK queued=1", count: lines.count))
            let degraded = try await client.ask("RESERVE provider=openai cost=5")[0]
            #expect(degraded.hasPrefix("ALLOW degraded=1 "), "\(degraded)")
            #expect(
                try await client.ask("COMMIT reservation=\(try token(degraded)) cost=1 requests=1") == ["OK queued=1"])
            try await harness.install(Self.policy(bind: nil))
            #expect(try await client.ask("RECORD provider=openai cost=1") == ["OK queued=1"])
            try redis.start()
            try await eventually { await harness.sidecar.report().journal?.operations == 0 }
            let counters = try account("main", harness)
            #expect(counters["cost/total"] == "4000000000", "1 of x, 2 and 1 of the reservations: \(counters)")
            #expect(counters["tokens/total"] == "5" && counters["requests/total"] == "2", "\(counters)")
            #expect(counters["held"] == nil)
            #expect(try account("spare", harness)["cost/total"] == "1000000000")
        }
    }
}
