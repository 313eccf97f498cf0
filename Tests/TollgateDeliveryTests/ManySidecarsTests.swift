import Foundation
import Testing
import TollgateTestSupport

/// Real sidecars, clients and receivers, from the request that crosses a threshold to the webhook.
@Suite struct ManySidecarsTests {
    private static let policy = "defaults: { user: { cost: { day: 10 } } }"

    private func arguments(_ redis: TestRedis, _ receivers: [WebhookReceiver], _ folder: TemporaryFolder) throws
        -> [String]
    {
        let settings = try WebhookReceiver.writeSettings(for: receivers, into: folder)
        return ["--redis", "unix://\(redis.socketPath)", "--alerts", settings, "--deadline", "20s"]
    }

    @Test("64 clients of four sidecars that cross 80 % together open one alert, delivered once to each receiver")
    func together() async throws {
        let redis = try TestRedis()
        let receivers = [try await WebhookReceiver(), try await WebhookReceiver()]
        var sidecars: [SidecarProcess] = []
        for _ in 0..<4 {
            let folder = try TemporaryFolder()
            sidecars.append(
                try await SidecarProcess(
                    policy: Self.policy, arguments: arguments(redis, receivers, folder), folder: folder))
        }
        // 64 × 10 × 0.013 = 8.32
        try await withThrowingTaskGroup(of: Void.self) { group in
            for place in 0..<64 {
                let client = try sidecars[place % 4].client()
                group.addTask {
                    for _ in 0..<10 {
                        let reply = try await client.ask("RECORD user=a cost=0.013")[0]
                        #expect(reply.hasPrefix("OK"))
                    }
                }
            }
            try await group.waitForAll()
        }
        try await eventually { receivers.allSatisfy { !$0.received.isEmpty } }
        // A second delivery of the first event would have preceded this one.
        _ = try await sidecars[0].client().ask("RECORD user=b cost=10")
        try await eventually { receivers.allSatisfy { $0.received.contains { $0.limit == "user:b/cost/day" } } }
        for receiver in receivers {
            #expect(receiver.received.map(\.limit) == ["user:a/cost/day", "user:b/cost/day"])
            #expect(receiver.received.map(\.threshold) == ["80", "100"])
        }
        #expect(Set(receivers.flatMap { $0.received.map(\.id) }).count == 2)
        for sidecar in sidecars {
            let status = try await sidecar.stop()
            #expect(status == 0)
        }
    }
}
