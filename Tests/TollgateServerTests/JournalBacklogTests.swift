import Foundation
import Testing
import TollgateTestSupport

/// Decisions during a replay of the journal.
@Suite struct JournalBacklogTests {
    static let policy = """
        thresholds: []
        on_redis_failure: { cost: open }
        defaults: { user: { requests: { 1h: 1000000 }, cost: { total: 10 } } }
        """

    /// Sends requests until the journal is empty. Every reply that is not degraded has to be a DENY.
    private func expectNothingPasses(_ client: SocketClient) async throws -> Int {
        var denied = 0
        var isReplayed = false
        while !isReplayed {
            let replies = try await client.ask("CHECK user=spender cost=0.5", "RESERVE user=spender cost=0.5", "STATUS")
            for reply in replies.dropLast() where !reply.hasPrefix("ALLOW degraded=1") {
                #expect(reply.hasPrefix("DENY reason=quota_exceeded limit=user:spender/cost/total"), "\(reply)")
                denied += 1
            }
            isReplayed = replies[2].contains(#""operations":0,"rejected""#)
            if replies[0].hasPrefix("ALLOW degraded=1") { try await Task.sleep(for: .milliseconds(2)) }
        }
        return denied
    }

    private func flood(_ client: SocketClient) async throws {
        try await eventually { try await client.ask("RECORD user=other cost=0.1") == ["OK queued=1"] }
        for first in stride(from: 0, to: 3_000, by: 500) {
            let lines = (first..<first + 500).map { "RECORD user=u\($0) cost=0.1" }
            #expect(try await client.ask(lines).allSatisfy { $0 == "OK queued=1" })
        }
        #expect(try await client.ask("RECORD user=spender cost=10") == ["OK queued=1"])
    }

    @Test("a budget used up by journaled writes allows nothing during the replay")
    func replayed() async throws {
        let redis = try TestRedis(arguments: ["--appendonly", "yes", "--appendfsync", "always"])
        let sidecar = try await SidecarProcess(policy: Self.policy, arguments: ["--redis", "\(redis.address)"])
        let client = try sidecar.client()
        #expect(try await client.ask("PEEK user=spender cost=0.5")[0].hasPrefix("ALLOW limit="))
        redis.stop()
        try await flood(client)
        let info = try await client.ask("STATUS")[0]
        #expect(info.contains(#""journal":{"entries":"#))
        #expect(info.contains(#""oldest_seconds":"#))
        #expect(info.contains(#""replayed_per_second":"#))
        try redis.start()
        #expect(try await expectNothingPasses(client) > 0)
        #expect(try redis.hash("tollgate:user:spender")["cost/total"] == "10000000000")
        #expect(try await client.ask("PEEK user=other cost=9.9")[0].contains(" used=0.1 "))
        #expect(try await sidecar.stop() == 0)
    }

    @Test("a budget used up by writes that a previous run journaled allows nothing during the replay")
    func afterRestart() async throws {
        let redis = try TestRedis(arguments: ["--appendonly", "yes", "--appendfsync", "always"])
        let arguments = ["--redis", "\(redis.address)"]
        let first = try await SidecarProcess(policy: Self.policy, arguments: arguments)
        redis.stop()
        try await flood(first.client())
        first.signal(SIGKILL)
        _ = try await first.end()
        try redis.start()
        let second = try await SidecarProcess(policy: Self.policy, arguments: arguments, folder: first.folder)
        _ = try await expectNothingPasses(second.client())
        #expect(try redis.hash("tollgate:user:spender")["cost/total"] == "10000000000")
        #expect(try await second.stop() == 0)
    }
}
