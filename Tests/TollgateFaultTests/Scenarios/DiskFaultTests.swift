import Testing
import TollgateTestSupport

/// Tests of a full disk under the journal.
extension FaultTests {
    @Test(
        "the journal's disk is full during a Redis outage: writes answered OK are counted, refused ones are not",
        .enabled(if: SmallDisk.isPossible, "needs to mount a small disk, which only root may"))
    func diskFull() async throws {
        for (number, seed) in FaultSettings.seeds(of: "disk full").enumerated() {
            var round = Round(scenario: "disk full", number: number, seed: seed)
            let disk = try SmallDisk()
            let stand = try await Stand(
                Stand.Setup(sidecars: 1, isDurable: true, arguments: ["--data", disk.path]))
            try await playDiskFull(&round, on: stand)
            try await stand.stop()
            withExtendedLifetime(disk) {}
        }
    }

    private func playDiskFull(_ round: inout Round, on stand: Stand) async throws {
        let started = ContinuousClock.now
        let redis = stand.redis
        try await aside { redis.stop() }
        let (queued, refused) = try await fill(stand, round: &round)
        #expect(refused > 0, "\(round): the disk did not get full")
        if Bool.random(using: &round.generator) {
            try await stand.killSidecar(0)
            async let isBack: Void = aside { try redis.start() }
            try await stand.startSidecar(0)
            try await isBack
        } else {
            try await aside { try redis.start() }
        }
        let scope = LoadScope(kind: "user", id: "full")
        try await eventually { try await stand.counters(of: scope).tokens >= queued.tokens }
        note("\(round): \((ContinuousClock.now - started).short); queued \(queued.tokens), refused \(refused)")
        try await eventually { try await stand.isDrained }
        let counters = try await stand.counters(of: scope)
        #expect(counters == queued, "\(round)")
        let after = try await stand.sidecars[0].client().ask("RECORD user=after tokens=1")
        #expect(after == ["OK"], "\(round)")
    }

    /// Sends RECORDs until one is refused. Returns the accepted amount.
    private func fill(_ stand: Stand, round: inout Round) async throws -> (queued: CounterSums, refused: Int) {
        let client = try stand.sidecars[0].client()
        var (queued, refused) = (CounterSums(), 0)
        for _ in 0..<200 where refused < 200 {
            let prices = (0..<200).map { _ in Int.random(in: 1...9_999, using: &round.generator) }
            let lines = prices.map { "RECORD user=full tokens=1 cost=\(moneyText(nanos: $0))" }
            for (price, reply) in zip(prices, try await client.ask(lines)) {
                switch LoadReply(line: reply) {
                case .ok: queued = queued + CounterSums(tokens: 1, cost: price)
                case .error("unavailable"): refused += 1
                default: Issue.record("\(round): \(reply)")
                }
            }
        }
        return (queued, refused)
    }
}
