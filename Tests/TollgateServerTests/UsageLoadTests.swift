import Testing
import TollgateTestSupport

@testable import TollgateServer

@Suite struct UsageLoadTests {
    @Test("thousands of concurrent USAGE are all answered, and concurrent CHECKs are decided by Redis")
    func manyUsages() async throws {
        let policy = "defaults: { user: { requests: { 1h: 1000000 } } }"
        try await withServer(policy: policy) { harness in
            let readers = try (0..<4).map { _ in
                let client = try harness.client()
                return Task { try await client.ask(Array(repeating: "USAGE scope=user:a", count: 1_000)) }
            }
            let client = try harness.client()
            for _ in 0..<50 {
                let reply = try await client.ask("CHECK user=b")[0]
                #expect(reply.hasPrefix("ALLOW limit=user:b/requests/1h"))
            }
            for reader in readers {
                let replies = try await reader.value
                #expect(replies.allSatisfy { $0.hasPrefix(#"{"limits":[{"#) })
            }
        }
    }
}
