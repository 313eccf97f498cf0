import Foundation
import Testing
import TollgateTestSupport

/// Tests of moved clocks.
extension FaultTests {
    private static let policy =
        LoadScopes.policy + """

              tenant: { requests: { 1m: 5, day: 1000 }, cost: { day: 9, month: 9 } }
              account: { requests: { 1s: 2 } }
            """

    /// Ids are remembered for a day, so no jump is that long.
    @Test("the clocks of Redis and of the sidecars are moved independently, back and forth by hours")
    func clocksMoved() async throws {
        let (redisClock, sidecarClock) = (try await MovableClock(), try await MovableClock())
        var setup = Stand.Setup(policy: Self.policy)
        setup.redisEnvironment = redisClock.environment
        setup.environment = sidecarClock.environment
        try await Scenario(name: "clocks moved", setup: setup, losesHolds: true).play { round, stand in
            for jump in 0..<3 {
                let hours = Int.random(in: -10...10, using: &round.generator)
                try redisClock.set(seconds: hours * 3_600)
                try sidecarClock.set(seconds: Int.random(in: -36_000...36_000, using: &round.generator))
                #expect(try await abs(stand.redisTime - Date.now.timeIntervalSince1970 - Double(hours) * 3_600) < 60)
                try await expectWindow(stand, tenant: "t\(round.number)-\(jump)", round)
                try await round.pause(20...150)
            }
        }
    }

    /// A limit of five a minute admits five, whatever the date.
    private func expectWindow(_ stand: Stand, tenant: String, _ round: Round) async throws {
        let client = try stand.sidecars[1].client()
        let replies = try await client.ask(Array(repeating: "CHECK tenant=\(tenant) cost=1", count: 8))
        let isWithoutRedis = replies.contains { $0.contains("degraded=1") || $0.hasPrefix("ERR unavailable") }
        guard !isWithoutRedis else { return }
        #expect(replies.count { $0.hasPrefix("ALLOW ") } == 5, "\(round): \(replies)")
        #expect(replies.count { $0.hasPrefix("DENY reason=rate_limited ") } == 3, "\(round): \(replies)")
    }

    @Test("after a clock goes back, usage at a later time does not count until that time comes again")
    func clockSetBack() async throws {
        let clock = try await MovableClock()
        var setup = Stand.Setup(sidecars: 1, policy: Self.policy)
        setup.redisEnvironment = clock.environment
        let stand = try await Stand(setup)
        let client = try stand.sidecars[0].client()
        let replies = try await client.ask(Array(repeating: "CHECK account=steady", count: 2))
        #expect(replies.allSatisfy { $0.hasPrefix("ALLOW limit=") })
        try clock.set(seconds: -36_000)
        try await eventually(within: .seconds(5)) {
            try await client.ask("CHECK account=steady")[0].hasPrefix("ALLOW limit=")
        }
        try await stand.stop()
    }
}

extension Stand {
    /// The time of Redis's clock, Unix seconds.
    fileprivate var redisTime: Double {
        get async throws {
            let seconds = try await cli("TIME").split(separator: "\n").first
            return seconds.flatMap { Double($0) } ?? 0
        }
    }
}
