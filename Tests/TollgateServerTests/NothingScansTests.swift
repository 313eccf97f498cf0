import Foundation
import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateServer

/// The commands that the sidecar sends, and the keys that it leaves.
@Suite struct NothingScansTests {
    static let policy = """
        history: [user, tool, provider, tenant]
        defaults:
          user: { requests: { 1m: 50, 24h: 1000 }, cost: { day: 5, month: 100 } }
          tool: { requests: { 1h: 40 } }
          provider: { tokens: { 1m: 100000 }, cost: { week: 50 } }
          tenant: { cost: { total: 1000 } }
          user+tool: { requests: { 1m: 10 } }
        scopes:
          tool:blocked: { requests: { 1m: 0 } }
          global: { requests: { 31d: { max: 1000000, mode: shadow } } }
        """

    /// The commands of scripts and links.
    static let expected: Set<String> = [
        "fcall", "function|load", "client|setname", "client|setinfo", "auth", "select", "ping", "hello", "info",
        "config|resetstat", "config|get", "time", "expire",
        // Sidecars announce themselves, and try each kind of write on one key.
        "pexpire", "del",
        // The keys of tokens; a few fields.
        "hsetnx", "hvals",
        // The administrators' settings, of one scope or of all sidecars; a few fields.
        "hgetall", "subscribe", "multi", "exec",
        // Denial events, in a stream that is trimmed.
        "xadd",
        // Alert events after a cursor, every few seconds and after a reconnect.
        "xrange", "xrevrange", "xinfo|stream",
        // The kinds of scopes with settings.
        "smembers",
        "hmget", "hget", "hset", "hincrby", "hlen", "hdel", "exists", "persist", "pexpireat", "get", "set",
        // Holds, by rank or by score, never all of them.
        "zadd", "zrem", "zscore", "zcard", "zrange", "zrangebyscore", "zremrangebyrank",
    ]

    /// The commands of the test itself, and of a sidecar without functions.
    static let ours =
        Set(
            ["script|flush", "function|flush", "client|kill"]
                + (TestRedis.deniesFunctions ? ["evalsha", "script|load"] : []))

    private func work(_ harness: ServerHarness) async throws {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<40 {
            let lines = (0..<50).map { _ -> String in
                let verb = ["CHECK", "CHECK", "PEEK", "RECORD", "REFUND", "USAGE"].randomElement(using: &random)!
                let user = Int.random(in: 0..<30, using: &random)
                guard verb != "USAGE" else { return "USAGE scope=user:u\(user)" }
                let tool = ["search", "blocked", "write"].randomElement(using: &random)!
                return
                    "\(verb) user=u\(user) tool=\(tool) provider=p\(user % 3) tenant=t\(user % 2) project=x tokens=7 cost=0.01"
            }
            let replies = try await harness.ask(lines)
            #expect(replies.allSatisfy { !$0.hasPrefix("ERR") })
            try await reserve(harness)
        }
    }

    private func reserve(_ harness: ServerHarness) async throws {
        let reserved = try await harness.ask("RESERVE project=x cost=0.01", "RESERVE project=y ttl=1")
        let tokens = reserved.compactMap { $0.split(separator: "reservation=").dropFirst().first.map(String.init) }
        try #require(tokens.count == 2)
        let replies = try await harness.ask(
            "COMMIT reservation=\(tokens[0]) cost=0.02", "CANCEL reservation=\(tokens[0])",
            "RECORD project=x requests=1 id=x")
        #expect(replies.allSatisfy { $0.hasPrefix("OK") })
    }

    @Test("no command iterates over keys, and every key expires except those of total limits")
    func commandsAndExpiry() async throws {
        try await withServer(policy: Self.policy) { harness in
            try harness.redis.cli("CONFIG", "RESETSTAT")
            try await work(harness)
            try harness.redis.forgetFunctions()
            harness.sidecar.activePolicy.install(try Policy(yaml: Self.policy + "\nreset_hour: 6", file: "test.yaml"))
            try await work(harness)
            try harness.redis.cli("CLIENT", "KILL", "TYPE", "normal")
            try await eventually { try await harness.ask("RECORD user=u1 tokens=1") == ["OK"] }
            _ = try await harness.ask("STATUS", "HELP", "PING")

            let commands = try commandsRun(harness.redis)
            #expect(commands.contains(TestRedis.luaCommand))
            let unexpected = commands.subtracting(Self.expected).subtracting(Self.ours)
            #expect(unexpected.isEmpty, "\(unexpected.sorted())")
            try expectExpiry(harness.redis)
        }
    }

    private func commandsRun(_ redis: TestRedis) throws -> Set<String> {
        let lines = try redis.cli("INFO", "commandstats").split(whereSeparator: \.isNewline)
        return Set(
            lines.compactMap { line in
                guard line.hasPrefix("cmdstat_") else { return nil }
                return String(line.dropFirst("cmdstat_".count).prefix { $0 != ":" })
            })
    }

    private func expectExpiry(_ redis: TestRedis) throws {
        let script =
            "local t = {} for _, k in ipairs(redis.call('KEYS', '*')) do t[#t + 1] = redis.call('TTL', k) .. ' ' .. k end return t"
        let lines = try redis.cli("EVAL", script, "0").split(separator: "\n")
        #expect(lines.count > 60)
        for line in lines {
            let parts = line.split(separator: " ", maxSplits: 1)
            let (seconds, key) = (try #require(Int(parts[0])), String(parts[1]))
            #expect(key.hasPrefix("tollgate:"), "\(key)")
            if ["tollgate:tenant:t0", "tollgate:tenant:t1"].contains(key) {
                #expect(seconds == -1, "\(key)")
            } else {
                // The longest expiry: the history of a month, 14 months after its end.
                #expect(seconds > 0 && seconds < 16 * 31 * 86_400, "\(key): \(seconds)")
            }
        }
    }
}

extension ServerHarness {
    func ask(_ lines: [String]) async throws -> [String] { try await client().ask(lines) }
}
