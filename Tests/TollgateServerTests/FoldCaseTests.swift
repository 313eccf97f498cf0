import Testing
import TollgateCore
import TollgatePolicy
import TollgateStores
import TollgateTestSupport

@testable import TollgateServer

/// `fold_case` of the policy.
@Suite struct FoldCaseTests {
    private static let policy = """
        fold_case: [user]
        defaults:
          user: { requests: { 1h: 3 } }
          user+tool: { requests: { 1h: 100 } }
        """

    @Test("ids of folded kinds are compared in lower case in every verb")
    func requests() async throws {
        try await withServer(policy: Self.policy) { harness in
            let client = try harness.client()
            for (number, user) in ["user=Alice", "user:ALICE", "user=alice"].enumerated() {
                let used = "ALLOW limit=user:alice/requests/1h max=3 used=\(number + 1) "
                #expect(try await client.ask("CHECK \(user) tool=Search")[0].hasPrefix(used))
            }
            #expect(try await client.ask("CHECK user=aLICE")[0].hasPrefix("DENY reason=rate_limited limit=user:alice/"))
            for scope in ["user=Alice", "scope=user:ALICE"] {
                #expect(try await client.ask("USAGE \(scope)")[0].contains(#""scope":"user:alice""#))
            }
            // One idempotency key, although the spelling of its scope differs.
            #expect(
                try await client.ask("RECORD user=Bob requests=1 id=x", "RECORD user=BOB requests=1 id=x")
                    == ["OK", "OK duplicate=1"])
            #expect(
                try await client.ask("USAGE tool=Search user=Alice")[0].contains(#""scope":"user:alice+tool:Search""#))
            #expect(try harness.scopesLeft().allSatisfy { $0 == $0.replacing("Alice", with: "alice") })
        }
    }

    @Test("folding that is turned on by a reload applies to cached scopes, and reservations keep their spelling")
    func reload() async throws {
        let unfolded = Self.policy.replacing("fold_case: [user]\n", with: "")
        try await withServer(policy: unfolded, adjust: { $0.workers = 1 }) { harness in
            let client = try harness.client()
            #expect(try await client.ask("CHECK user=Alice")[0].hasPrefix("ALLOW limit=user:Alice/"))
            let reserved = try await client.ask("RESERVE user=Alice cost=1")[0]
            let token = try #require(reserved.split(separator: "reservation=").last)
            harness.sidecar.activePolicy.install(try Policy(yaml: Self.policy, file: "test.yaml"))
            try await eventually {
                try await client.ask("CHECK user=Alice")[0].hasPrefix(
                    "ALLOW limit=user:alice/requests/1h max=3 used=1 ")
            }
            #expect(try await client.ask("COMMIT reservation=\(token) cost=1") == ["OK"])
            #expect(try await client.ask("PEEK user=Alice")[0].hasPrefix("ALLOW limit=user:alice/"))
        }
    }

    @Test("without fold_case ids are case-sensitive")
    func caseSensitive() async throws {
        try await withServer(policy: "defaults: { user: { requests: { 1h: 3 } } }") { harness in
            let replies = try await harness.ask("CHECK user=Alice", "CHECK user=alice")
            #expect(replies.allSatisfy { $0.contains(" used=1 ") })
        }
    }
}
