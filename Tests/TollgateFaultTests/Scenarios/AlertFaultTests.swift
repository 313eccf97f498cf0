import Foundation
import Testing
import TollgateCore
import TollgateTestSupport

/// Tests of alerts when a sidecar is killed at any moment between the request that crosses a threshold and the delivery.
extension FaultTests {
    private static let alertPolicy = "defaults: { user: { cost: { day: 10 } } }"
    /// The number of concurrent lanes, each with its own Redis and sidecar. Most of a round is waiting for a lease to expire.
    private static let lanes = 4

    @Test("a sidecar killed between crossing and delivery: no alert is lost, and none is delivered under two ids")
    func killedBeforeDelivery() async throws {
        let name = "killed before delivery"
        let rounds = FaultSettings.seeds(of: name).enumerated().map {
            Round(scenario: name, number: $0.offset, seed: $0.element)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 0..<Self.lanes {
                let rounds = rounds.filter { $0.number % Self.lanes == lane }
                guard !rounds.isEmpty else { continue }
                group.addTask { try await Self.play(rounds) }
            }
            try await group.waitForAll()
        }
    }

    private static func play(_ rounds: [Round]) async throws {
        let redis = try await aside { try TestRedis() }
        let receiver = try await WebhookReceiver()
        let folder = try TemporaryFolder()
        let arguments = [
            "--redis", "unix://\(redis.socketPath)", "--data", folder.path + "/data", "--alerts",
            try WebhookReceiver.writeSettings(for: [receiver], into: folder),
        ]
        var sidecar = try await SidecarProcess(policy: alertPolicy, arguments: arguments, folder: folder)
        for var round in rounds {
            let user = "u\(round.number)"
            let record = "RECORD user=\(user) cost=8.5 id=r"
            let client = try sidecar.client()
            try await client.send("CHECK user=\(user)\n\(record)\n")
            try await round.pause(0...40)
            sidecar.signal(SIGKILL)
            _ = try await sidecar.end()
            sidecar = try await SidecarProcess(policy: alertPolicy, arguments: arguments, folder: folder)
            // An application repeats a request without an answer.
            #expect(try await sidecar.client().ask(record)[0].hasPrefix("OK"), "\(round)")
            try await eventually(within: .seconds(30)) {
                receiver.received.contains { $0.limit == "user:\(user)/cost/day" }
            }
        }
        for round in rounds {
            let received = receiver.received.filter { $0.limit == "user:u\(round.number)/cost/day" }
            #expect(Set(received.map(\.id)).count == 1, "\(round): \(received)")
            #expect(received.allSatisfy { $0.event == "opened" && $0.threshold == "80" }, "\(round): \(received)")
        }
        #expect(try await sidecar.stop() == 0)
    }
}
