import Testing
import TollgateTestSupport

/// What can happen to the disk that the journal is on.
extension FaultTests {
    @Test(
        "the journal's disk full while Redis is away: what was answered OK is counted, the rest was refused and is not",
        .enabled(if: TinyDisk.canBeMounted, "only root can mount a file system"))
    func diskFull() async throws {
        let disk = try await TinyDisk()
        defer { withExtendedLifetime(disk) {} }
        let stand = try await Stand(Stand.Setup(sidecars: 1, isDurable: true, arguments: ["--data", disk.path]))
        guard try await SidecarFeatures.of(stand.sidecars[0].client()).journal else { return try await stand.stop() }
        for (number, seed) in FaultSettings.seeds.enumerated() {
            var round = Round(scenario: "disk full", number: number, seed: seed)
            let redis = stand.redis
            try await aside { redis.stop() }
            let started = ContinuousClock.now
            let (queued, refused) = try await fill(stand, round: &round)
            try await aside { try redis.start() }
            try await stand.waitUntilDrained()
            print("\(round): \((ContinuousClock.now - started).short); queued \(queued.tokens), refused \(refused)")
            #expect(refused > 0, "\(round): the disk did not get full")
            let counters = try await stand.counters(of: LoadScope(kind: "user", id: "full\(number)"))
            #expect(counters == queued, "\(round)")
            let after = try await stand.sidecars[0].client().ask("RECORD user=after tokens=1")
            #expect(after == ["OK"], "\(round)")
        }
        try await stand.stop()
    }

    /// Records until nothing more is taken. Gives what was.
    private func fill(_ stand: Stand, round: inout Round) async throws -> (queued: CounterSums, refused: Int) {
        let client = try stand.sidecars[0].client()
        var (queued, refused) = (CounterSums(), 0)
        for _ in 0..<200 where refused < 200 {
            let prices = (0..<200).map { _ in Int.random(in: 1...9_999, using: &round.generator) }
            let lines = prices.map { "RECORD user=full\(round.number) tokens=1 cost=\(moneyText(nanos: $0))" }
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
