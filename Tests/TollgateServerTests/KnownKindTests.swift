import Foundation
import Testing
import TollgateCore
import TollgatePolicy
import TollgateStores
import TollgateTestSupport

@testable import TollgateServer

/// Requests with kinds that are not known, and requests that no limit applies to.
@Suite struct KnownKindTests {
    private static let policy = """
        kinds: [run]
        defaults:
          user: { requests: { 1h: 1000 } }
          user+region: { requests: { 1h: 1000 } }
          server: { cost: { day: 5 } }
        """

    private static let known =
        "(known kinds: user, team, project, tenant, tool, provider, model, account, region, run, server; list others under kinds: in the policy)"

    private static func unknown(_ kind: String, _ meant: String?) -> String {
        "ERR bad_request \(kind): unknown kind\(meant.map { "; did you mean \($0)?" } ?? "") \(known)"
    }

    @Test("a mistyped kind is an error in every verb, on lines and in RESP")
    func everyVerb() async throws {
        try await withServer(policy: Self.policy) { harness in
            let client = try harness.client()
            for verb in ["CHECK", "PEEK", "RESERVE"] {
                #expect(try await client.ask("\(verb) usr=alice") == [Self.unknown("usr", "user")])
                #expect(try await client.ask("\(verb) user=alice usr:alice") == [Self.unknown("usr", "user")])
            }
            for verb in ["RECORD", "REFUND"] {
                #expect(try await client.ask("\(verb) user=a tokens=5 cots=3.2") == [Self.unknown("cots", "cost")])
            }
            for words in ["usr=alice", "usr:alice", "scope=user:a+usr:b"] {
                #expect(try await client.ask("USAGE \(words)") == [Self.unknown("usr", "user")])
            }
            #expect(try await client.ask("CHECK zebra=1") == [Self.unknown("zebra", nil)])
            #expect(try await client.ask("CHECK user=a hits=1") == ["ERR bad_request hits: is written requests="])
            let frames = try harness.client()
            try await frames.send(resp("CHECK", "usr=alice"))
            #expect(try await frames.readLine() == "-" + Self.unknown("usr", "user"))
            #expect(try harness.scopesLeft().allSatisfy { !$0.contains("usr") && !$0.contains("cots") })
        }
    }

    @Test("kinds that the policy names anywhere are known, alone and within composite kinds")
    func knownKinds() async throws {
        try await withServer(policy: Self.policy) { harness in
            let words = ScopeKind.usual.map { "\($0)=x" } + ["run=x", "region=x", "server=x"]
            let replies = try await harness.client().ask(words.map { "CHECK \($0)" })
            for (word, reply) in zip(words, replies) { #expect(reply.hasPrefix("ALLOW"), "\(word)") }
        }
    }

    @Test("unknown_kinds: allow accepts any kind")
    func allow() async throws {
        try await withServer(policy: "unknown_kinds: allow") { harness in
            let replies = try await harness.ask("CHECK usr=alice", "RECORD usr=a cots=3 cost=1")
            #expect(replies == ["ALLOW", "OK"])
        }
    }

    @Test("a kind that only administrators have set something for is known")
    func kindOfAdministrators() async throws {
        try await withServer { harness in
            let client = try harness.client()
            #expect(try await client.ask("CHECK agent=a")[0].hasPrefix("ERR bad_request agent: unknown kind"))
            let scope = try Scope(parsing: "agent:a")
            try await harness.edit(.setLimits(scope, [Limit(.requests, .sliding(seconds: 60), max: 5)]), of: scope)
            try await eventually {
                try await client.ask("CHECK agent=a")[0].hasPrefix("ALLOW limit=agent:a/requests/1m max=5 ")
            }
        }
    }

    @Test("a mistyped kind is an error while Redis is down, too")
    func outage() async throws {
        try await withServer(policy: Self.policy) { harness in
            let client = try harness.client()
            harness.redis.stop()
            for line in ["CHECK usr=a", "RECORD usr=a cost=1 id=1", "RESERVE usr=a cost=1"] {
                #expect(try await client.ask(line) == [Self.unknown("usr", "user")], "\(line)")
            }
            #expect(await harness.sidecar.report().journal?.operations == 0)
        }
    }

    @Test("before the administrators' settings are known, a kind of the file passes and another one is unavailable")
    func beforeSettings() async throws {
        let redis = try TestRedis()
        redis.stop()
        try await withServer(policy: Self.policy, redis: redis, waitsForRedis: false) { harness in
            try await eventually {
                await harness.sidecar.report().redis.links.allSatisfy { $0.hasPrefix("down: ") }
            }
            let undecided =
                "ERR unavailable agent: not in the policy file, and the administrator settings have not been loaded yet"
            #expect(
                try await harness.client().ask([
                    "CHECK run=a", "RECORD run=a cost=1 id=1", "CHECK agent=a", "RECORD agent=a cost=1 id=2",
                ]) == ["ALLOW degraded=1", "OK queued=1", undecided, undecided])
            try redis.start()
            try await eventually { try await harness.ask("CHECK agent=a") == [Self.unknown("agent", nil)] }
        }
    }

    @Test("after a policy forgets a kind, reservations of it are committed and journaled usage is replayed")
    func forgottenKind() async throws {
        let kept = "defaults: { user: { requests: { 1h: 1000 } } }"
        try await withServer(policy: "kinds: [run]\nhistory: [user, run]\n\(kept)", adjust: { $0.workers = 1 }) {
            harness in
            let client = try harness.client()
            let reserved = try await client.ask("RESERVE run=a cost=1", "RESERVE run=b cost=1")
            let tokens = reserved.compactMap { $0.split(separator: "reservation=").last.map(String.init) }
            _ = try await client.ask("CHECK run=a")
            harness.redis.stop()
            try await eventually { try await client.ask("RECORD run=a cost=2 id=x") == ["OK queued=1"] }
            harness.sidecar.activePolicy.install(try Policy(yaml: kept, file: "test.yaml"))
            try await eventually { try await client.ask("CHECK run=a")[0].hasPrefix("ERR bad_request run: ") }
            try harness.redis.start()
            try await harness.waitForRedis()
            try await eventually { await harness.sidecar.report().journal?.operations == 0 }
            #expect(await harness.sidecar.report().journal?.rejected == 0)
            // The plan that the COMMIT uses must not let later requests pass.
            for _ in 0..<2 {
                #expect(try await client.ask("COMMIT reservation=\(tokens[0]) cost=1")[0].hasPrefix("OK"))
                #expect(try await client.ask("CHECK run=a")[0].hasPrefix("ERR bad_request run: unknown kind"))
            }
            #expect(try await client.ask("CANCEL reservation=\(tokens[1])")[0].hasPrefix("OK"))
        }
    }

    @Test("a request without scopes is an error, unless global can deny it or counts it")
    func noScope() async throws {
        let decisions = ["CHECK", "PEEK requests=2", "RESERVE cost=1"]
        let usage = ["RECORD cost=1", "REFUND cost=1"]
        func isRefused(_ line: String, _ reply: String) -> Bool {
            let verb = line.prefix { $0 != " " }
            return reply == "ERR bad_request \(verb): names no scope; expected one or more, such as user=alice"
        }
        for (policy, accepted) in [
            (Self.policy, []), ("scopes: { global: { requests: { 1h: 9 } } }", decisions + usage),
            ("scopes: { global: { requests: { 1h: { max: 9, mode: shadow } } } }", usage),
            ("scopes: { global: { requests: { 1h: null } } }", usage), ("history: [global]", usage),
            ("scopes: { global: { concurrent: 2 } }", ["RESERVE cost=1"] + usage),
        ] {
            try await withServer(policy: policy) { harness in
                for (line, reply) in zip(decisions + usage, try await harness.client().ask(decisions + usage)) {
                    let isExpected =
                        accepted.contains(line)
                        ? reply.hasPrefix("ALLOW") || reply.hasPrefix("OK") : isRefused(line, reply)
                    #expect(isExpected, "\(policy): \(line): \(reply)")
                }
            }
        }
    }

    @Test("decisions to which no limit applied are counted by kind, and logged once a kind")
    func unlimited() async throws {
        let log = CapturedLog()
        try await withServer(policy: Self.policy, logger: log.logger) { harness in
            for _ in 0..<3 { _ = try await harness.ask("CHECK tool=a model=m", "PEEK tool=b", "RECORD tool=a cost=1") }
            _ = try await harness.ask("CHECK user=a tool=a", "CHECK run=a tool=a")
            let report = await harness.sidecar.report()
            #expect(report.scopes.unlimitedDecisions == ["tool": 7, "model": 3, "run": 1])
            let lines = log.text.split(separator: "\n").filter { $0.contains("no limit applies") }
            #expect(
                lines == [
                    "notice no limit applies to requests that name only tool, model; STATUS counts them by kind",
                    "notice no limit applies to requests that name only run, tool; STATUS counts them by kind",
                ])
        }
    }

    @Test("an unlimited limit applies to no decision, and concurrent to a RESERVE only")
    func limitsWithoutEffect() async throws {
        let policy = """
            defaults: { tool: { concurrent: 5 }, model: { requests: { 1h: null } } }
            scopes: { global: { cost: { day: null } } }
            """
        try await withServer(policy: policy) { harness in
            #expect(await harness.sidecar.report().scopes.limitedKindsNotNamed == ["tool"])
            let replies = try await harness.ask(
                "CHECK tool=a", "PEEK tool=a", "RESERVE tool=a", "RECORD tool=a cost=1", "CHECK model=m",
                "RESERVE model=m", "RESERVE model=m tool=b")
            #expect(replies.allSatisfy { !$0.hasPrefix("ERR") }, "\(replies)")
            #expect(await harness.sidecar.report().scopes.unlimitedDecisions == ["tool": 2, "model": 2])
        }
    }

    @Test("a kind that a COMMIT or a USAGE cached first is named by the next request")
    func namedAfterOthers() async throws {
        try await withServer(policy: Self.policy, adjust: { $0.workers = 1 }) { harness in
            let kinds = { await harness.sidecar.report().scopes.limitedKindsNotNamed }
            _ = try await harness.ask("USAGE server=s", "USAGE user=a", "USAGE user=a region=r")
            #expect(await kinds() == ["server", "user", "user+region"])
            _ = try await harness.ask("CHECK server=s")
            #expect(await kinds() == ["user", "user+region"])
            _ = try await harness.ask("CHECK user=a region=r")
            #expect(await kinds() == [])
        }
    }

    @Test("STATUS lists the kinds that have limits and that no request has named")
    func notNamed() async throws {
        try await withServer(policy: Self.policy) { harness in
            let kinds = { await harness.sidecar.report().scopes.limitedKindsNotNamed }
            #expect(await kinds() == ["server", "user", "user+region"])
            _ = try await harness.ask("CHECK user=a")
            #expect(await kinds() == ["server", "user+region"])
            _ = try await harness.ask("RECORD user=a region=r cost=1", "PEEK server=s")
            #expect(await kinds() == [])
        }
    }
}
