import Testing
import TollgateTestSupport

/// What can happen to clocks.
extension FaultTests {
    private static let policy =
        LoadScopes.policy + "\n  tenant: { requests: { 1m: 5, day: 1000 }, cost: { day: 9, month: 9 } }\n"

    /// Ids are remembered for a day, so no jump is as long.
    @Test(
        "the clocks of Redis and of the sidecars moved, each by itself, forth and back by hours",
        .enabled(if: MovableClock.library != nil, "libfaketime is not installed"))
    func clocksMoved() async throws {
        let (redisClock, sidecarClock) = (try MovableClock(), try MovableClock())
        var setup = Stand.Setup(policy: Self.policy)
        setup.redisEnvironment = redisClock.environment
        setup.environment = sidecarClock.environment
        try await Scenario(name: "clocks moved", setup: setup).play { round, stand in
            for jump in 0..<3 {
                try redisClock.set(seconds: Int.random(in: -36_000...36_000, using: &round.generator))
                try sidecarClock.set(seconds: Int.random(in: -36_000...36_000, using: &round.generator))
                try await expectWindow(stand, tenant: "t\(round.number)-\(jump)", round)
                try await round.pause(20...150)
            }
        }
    }

    /// A limit of five a minute admits five, and a day's limit none too many, whatever the date.
    private func expectWindow(_ stand: Stand, tenant: String, _ round: Round) async throws {
        let client = try stand.sidecars[1].client()
        let replies = try await client.ask(Array(repeating: "CHECK tenant=\(tenant) cost=1", count: 8))
        let isWithoutRedis = replies.contains { $0.contains("degraded=1") || $0.hasPrefix("ERR unavailable") }
        guard !isWithoutRedis else { return }
        #expect(replies.count { $0.hasPrefix("ALLOW ") } == 5, "\(round): \(replies)")
        #expect(replies.count { $0.hasPrefix("DENY reason=rate_limited ") } == 3, "\(round): \(replies)")
        // One that is there for all jumps may be denied for longer, but is decided.
        let steady = try await client.ask("CHECK tenant=steady cost=1")[0]
        #expect(!steady.hasPrefix("ERR") || steady.hasPrefix("ERR unavailable"), "\(round): \(steady)")
    }
}
