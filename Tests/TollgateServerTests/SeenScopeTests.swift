import Testing
import TollgateCore
import TollgatePolicy
import TollgateStores
import TollgateTestSupport

@testable import TollgateServer

/// The scopes that a sidecar lists as seen.
@Suite struct SeenScopeTests {
    private static let policy = "defaults: { user: { requests: { 1h: 100 } } }"

    private func seen(_ harness: ServerHarness) throws -> Set<Substring> {
        Set(try harness.redis.cli("ZRANGE", "tollgate:{policy}:seen:user", "0", "-1").split(separator: "\n"))
    }

    @Test("requests that use a scope list it, also after it was read, and a shutdown writes the last ones")
    func uses() async throws {
        let harness = try await ServerHarness(policy: Self.policy)
        let client = try harness.client()
        let used = ["check", "peek", "record", "refund", "reserve"]
        let all = used + ["read", "changed"]
        _ = try await client.ask(all.map { "USAGE user=\($0)" })
        let changed = try Scope(parsing: "user:changed")
        try await harness.edit(.setLimits(changed, [Limit(.requests, .sliding(seconds: 60), max: 2)]), of: changed)
        let lines = used.map { "\($0.uppercased()) user=\($0)" + ($0 == "check" ? "" : " tokens=1") }
        let replies = try await client.ask(lines)
        #expect(replies.allSatisfy { !$0.hasPrefix("ERROR") }, "\(replies)")
        await harness.stop()
        #expect(try seen(harness) == Set(used.map { "user:\($0)" }))
    }

    @Test("the newest 10 000 scopes of a kind are retained, and a time is never replaced by an earlier one")
    func bound() async throws {
        try await withServer(policy: Self.policy) { harness in
            let key = "tollgate:{policy}:seen:user"
            for part in 0..<10 {
                let scopes = (0..<1_000).flatMap { ["\(1_000 + part)", "user:\(part)-\($0)"] }
                try harness.redis.cli(["ZADD", key] + scopes)
            }
            try harness.redis.cli("ZADD", key, "9999999999999", "user:late")
            _ = try await harness.ask("CHECK user=new", "CHECK user=late")
            try await eventually { try harness.redis.cli("ZSCORE", key, "user:new") != "" }
            try await eventually { try harness.redis.cli("ZCARD", key) == "10000" }
            #expect(try harness.redis.cli("ZSCORE", key, "user:late") == "9999999999999")
            let seconds = Int(try harness.redis.cli("TTL", key)) ?? 0
            #expect(seconds > 34 * 86_400 && seconds <= 35 * 86_400)
        }
    }
}
