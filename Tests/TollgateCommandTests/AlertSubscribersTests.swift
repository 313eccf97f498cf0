import Foundation
import Testing
import TollgateTestSupport

/// Many clients that subscribe to alerts and do not read.
@Suite struct AlertSubscribersTests {
    static let policy = "defaults: { user: { requests: { total: 1000000 } } }"

    @Test("at most 64 idle alert subscribers are served, and no CHECK waits for them")
    func unread() async throws {
        let redis = try TestRedis()
        let sidecar = try await SidecarProcess(
            policy: Self.policy, arguments: ["--redis", "\(redis.address)", "--deadline", "10s"])
        let client = try sidecar.client()
        try await eventually { try await client.ask("STATUS")[0].contains(#""alerts":{"cursor":"#) }
        let clients = try (0..<200).map { _ in try sidecar.client() }
        var replies: [String: Int] = [:]
        for client in clients { replies[try await client.ask("ALERTS")[0], default: 0] += 1 }
        #expect(replies == ["OK": 64, "ERR busy ALERTS: the limit of 64 subscribers is reached": 136])
        let listening = #""alert_subscribers":64"#
        #expect(try await client.ask("STATUS")[0].contains(listening))
        let publishing = Task {
            for _ in 0..<10 {
                try redis.cli("EVAL", Self.publish, "1", "tollgate:{alerts}:deliveries")
                try await Task.sleep(for: .milliseconds(20))
            }
        }
        var longest = Duration.zero
        let started = ContinuousClock.now
        while ContinuousClock.now - started < .milliseconds(1_500) {
            let asked = ContinuousClock.now
            #expect(try await client.ask("CHECK user=alice")[0].hasPrefix("ALLOW limit=user:alice/"))
            longest = max(longest, ContinuousClock.now - asked)
        }
        try await publishing.value
        // A slice takes a millisecond. The rest allows for slow machines and concurrent tests.
        #expect(longest < .milliseconds(500))
        #expect(try await client.ask("STATUS")[0].contains(listening))
    }

    /// Publishes 200 alerts of half a kilobyte.
    private static let publish = """
        local alert = '{"acknowledged_at":null,"acknowledged_by":null,"ends_at":null,"id":"a","limit":"user:a/cost/total",\
        "max":"20","meter":"cost","mode":"enforce","opened_at":"2026-11-20T18:20:01.123Z","percent":86.2,\
        "period":"total","period_id":null,"reason":null,"resolved_at":null,"resolved_by":null,"scope":"user:a",\
        "severity":"warning","source":"scope","state":"open","threshold":80,"type":"approaching_limit","used":"17.24"}'
        local id
        for _ = 1, 200 do id = redis.call('XADD', KEYS[1], '*', 'event', 'opened', 'alert', alert) end
        redis.call('PUBLISH', 'tollgate:{alerts}:news', id)
        return 'OK'
        """
}
