import Foundation
import Testing
import TollgateCore
import TollgateTestSupport

/// Tests of faults while a long journal of many small records is replayed.
extension FaultTests {
    private static let clients = 8
    private static let asks = 150
    /// The number of operations of each request.
    private static let burst = 4

    @Test("the sidecar or Redis is killed while a long journal is replayed: all of it is counted once, and in order")
    func replayKilled() async throws {
        let setup = Stand.Setup(sidecars: 1, isDurable: true)
        try await playReplay("replay killed", setup) { round, stand in
            for _ in 0..<3 {
                try await round.pause(0...250)
                if Bool.random(using: &round.generator) {
                    try await stand.killSidecar(0)
                } else {
                    let redis = stand.redis
                    try await aside { redis.stop() }
                    try await round.pause(0...100)
                    if Bool.random(using: &round.generator) { try await stand.killSidecar(0) }
                    try await aside { try redis.start() }
                }
                if !stand.sidecars[0].isRunning { try await stand.startSidecar(0) }
            }
        }
    }

    @Test("a sidecar is stopped or killed while replies to its replay are lost")
    func replayStopped() async throws {
        let setup = Stand.Setup(sidecars: 1, isProxied: true, isDurable: true)
        try await playReplay("replay stopped", setup) { round, stand in
            for _ in 0..<2 {
                try await round.pause(0...150)
                let fault: ProxyFault = Bool.random(using: &round.generator) ? .swallowReplies : .swallowAll
                try await stand.proxy?.set(fault)
                try await round.pause(0...300)
                if Bool.random(using: &round.generator) {
                    #expect(try await stand.sidecars[0].stop() == 0, "\(round)")
                } else {
                    try await stand.killSidecar(0)
                }
                try await stand.proxy?.set(.none)
                try await stand.startSidecar(0)
            }
        }
    }

    @Test("Redis is suspended with a replayed call in flight, and the sidecar is restarted meanwhile")
    func replayFrozen() async throws {
        try await playReplay("replay frozen", Stand.Setup(sidecars: 1, isDurable: true)) { round, stand in
            let redis = stand.redis
            try await round.pause(0...150)
            redis.freeze(true)
            try await round.pause(0...600)
            try await stand.killSidecar(0)
            let wait = round.milliseconds(0...500)
            async let goesOn: Void = aside {
                Thread.sleep(forTimeInterval: wait / .seconds(1))
                redis.freeze(false)
            }
            try await stand.startSidecar(0)
            try await goesOn
        }
    }

    private func playReplay(
        _ name: String, _ setup: Stand.Setup, fault: (inout Round, Stand) async throws -> Void
    ) async throws {
        for (number, seed) in FaultSettings.seeds(of: name).enumerated() {
            var round = Round(scenario: name, number: number, seed: seed)
            let stand = try await Stand(setup)
            do {
                try await playReplay(&round, on: stand, fault: fault)
            } catch {
                Issue.record("\(round): \(error)\n\(stand.logs)")
                throw error
            }
            try await stand.stop()
        }
    }

    private func playReplay(
        _ round: inout Round, on stand: Stand, fault: (inout Round, Stand) async throws -> Void
    ) async throws {
        let started = ContinuousClock.now
        let redis = stand.redis
        try await aside { redis.stop() }
        let expected = try await fill(stand.sidecars[0], seed: round.generator.next())
        let filled = ContinuousClock.now
        try await aside { try redis.start() }
        try await fault(&round, stand)
        try await eventually(within: .seconds(60)) { try await stand.isDrained }
        note("\(round): filled in \((filled - started).short), replayed in \((ContinuousClock.now - filled).short)")
        let counters = try await stand.counters(of: Array(expected.keys))
        for (scope, sums) in expected { #expect(counters[scope] == sums, "\(round): \(scope.key)") }
        #expect(try await stand.info[0].journal.rejected == 0, "\(round)")
    }

    /// Sends RECORDs until the journal is long. Returns the counters that Redis must have in the end.
    private func fill(_ sidecar: SidecarProcess, seed: UInt64) async throws -> [LoadScope: CounterSums] {
        try await eventually { try await sidecar.client().ask("RECORD user=first tokens=1") == ["OK queued=1"] }
        var generator = SeededGenerator(seed: seed)
        var sums = try await withThrowingTaskGroup(of: [LoadScope: CounterSums].self) { group in
            for client in 0..<Self.clients {
                let seed = generator.next()
                group.addTask { try await Self.fill(sidecar.client(), number: client, seed: seed) }
            }
            return try await group.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
        }
        sums[LoadScope(kind: "user", id: "first")] = CounterSums(tokens: 1)
        return sums
    }

    /// The requests of one client, with a user of whom more is taken back in the middle than was recorded before.
    private static func fill(
        _ client: SocketClient, number: Int, seed: UInt64
    ) async throws -> [LoadScope: CounterSums] {
        var generator = SeededGenerator(seed: seed)
        var sums: [LoadScope: CounterSums] = [:]
        for ask in 0..<asks {
            let lines = (0..<burst).map { _ in
                let user = LoadScope(kind: "user", id: "u\(Int.random(in: 0..<400, using: &generator))")
                let used = CounterSums(tokens: 1, cost: Int.random(in: 1...9_999, using: &generator))
                sums[user] = (sums[user] ?? CounterSums()) + used
                return "RECORD \(user.word) tokens=1 cost=\(moneyText(nanos: used.cost))"
            }
            let last = ask == asks / 2 ? "REFUND tokens=1000" : "RECORD tokens=1"
            let replies = try await client.ask(lines + ["\(last) user=order\(number)"])
            guard replies.allSatisfy({ $0 == "OK queued=1" }) else { throw TestFailure("\(replies)") }
        }
        sums[LoadScope(kind: "user", id: "order\(number)")] = CounterSums(tokens: asks - asks / 2 - 1)
        return sums
    }
}
