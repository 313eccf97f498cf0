import Foundation
import Testing
import TollgateTestSupport

@testable import TollgateServer

@Suite struct ShutdownTests {
    static let policy = "defaults: { user: { requests: { total: 1000000 } } }"

    @Test("a shutdown answers every request that was received, and then closes the connections")
    func answersWhatIsInFlight() async throws {
        let harness = try await ServerHarness(policy: Self.policy)
        let clients = try (0..<8).map { _ in try harness.client() } + [harness.unixClient()]
        for client in clients { #expect(try await client.ask("PING") == ["PONG"]) }
        harness.redis.freeze(true)
        let lines = Array(repeating: "CHECK user=a", count: 100) + ["USAGE scope=user:a", "STATUS", "PING"]
        for client in clients { try await client.send(lines.map { $0 + "\n" }.joined()) }
        // STATUS hops to every event loop: after its reply, all earlier input has been read.
        #expect(try await harness.ask("STATUS")[0].hasPrefix("{"))
        async let stopped: Void = harness.stop()
        try await eventually { (try? harness.client()) == nil }
        harness.redis.freeze(false)
        for client in clients {
            let replies = String(decoding: try await client.readToEnd(), as: UTF8.self).split(separator: "\n")
            #expect(replies.count == lines.count)
            #expect(replies.prefix(100).allSatisfy { $0.hasPrefix("ALLOW limit=user:a") })
            #expect(replies.dropFirst(100).first?.hasPrefix(#"{"limits""#) == true)
            #expect(replies.last == "PONG")
        }
        await stopped
        #expect(try harness.redis.hash("tollgate:user:a")["requests/total"] == "900")
    }

    @Test("a shutdown writes all replies to a slow client")
    func slowReader() async throws {
        let harness = try await ServerHarness(policy: Self.policy)
        let client = try harness.unixClient()
        #expect(try await client.ask("PING") == ["PONG"])
        try await client.send(String(repeating: "HELP\n", count: 900))
        #expect(try await harness.ask("STATUS")[0].hasPrefix("{"))
        async let stopped: Void = harness.stop()
        try await eventually { (try? harness.unixClient()) == nil }
        let replies = String(decoding: try await client.readToEnd(), as: UTF8.self)
        #expect(replies.split(separator: "\n").count == 900)
        #expect(replies.hasSuffix("}\n"))
        await stopped
    }

    @Test("idle connections do not delay a shutdown")
    func idleConnections() async throws {
        let harness = try await ServerHarness(policy: Self.policy)
        let clients = try (0..<20).map { _ in try harness.client() }
        for client in clients { #expect(try await client.ask("PING") == ["PONG"]) }
        let duration = await ContinuousClock().measure { await harness.stop() }
        #expect(duration < .seconds(10))
        for client in clients { #expect(try await client.readToEnd() == []) }
        #expect(!FileManager.default.fileExists(atPath: harness.socketPath))
    }

    @Test("SIGTERM under load ends the process with status 0, and no client gets half a reply")
    func processUnderLoad() async throws {
        let redis = try TestRedis()
        let sidecar = try await SidecarProcess(
            policy: Self.policy, arguments: ["--redis", "\(redis.address)", "--deadline", "30s"])
        let loads = try (0..<6).map { _ in
            let client = try sidecar.client()
            return Task {
                var answered = 0
                while true {
                    guard (try? await client.send(String(repeating: "CHECK user=a\n", count: 20))) != nil else { break }
                    for _ in 0..<20 {
                        guard let reply = try await client.readLine() else { return answered }
                        #expect(reply.hasPrefix("ALLOW limit=user:a/requests/total max=1000000 used="))
                        #expect(reply.contains(" reset="))
                        answered += 1
                    }
                }
                return answered
            }
        }
        try await eventually(within: .seconds(90)) {
            (Int(try redis.hash("tollgate:user:a")["requests/total"] ?? "") ?? 0) > 200
        }
        #expect(try await sidecar.stop() == 0)
        var answered = 0
        for load in loads { answered += try await load.value }
        #expect(try redis.hash("tollgate:user:a")["requests/total"] == "\(answered)")
    }
}
