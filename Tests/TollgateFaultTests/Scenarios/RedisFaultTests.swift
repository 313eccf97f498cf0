import Foundation
import Testing
import TollgateTestSupport

/// Tests of faults of Redis itself.
extension FaultTests {
    @Test("Redis is killed and restarted from its append-only file: no acknowledged write is lost or counted twice")
    func redisKilled() async throws {
        var setup = Stand.Setup()
        setup.isDurable = true
        try await Scenario(name: "Redis killed", setup: setup).play { round, stand in
            let redis = stand.redis
            try await aside { redis.stop() }
            try await round.pause(0...400)
            try await aside { try redis.start() }
        }
    }

    @Test("Redis is suspended and resumed: requests sent meanwhile count at most once")
    func redisFrozen() async throws {
        try await Scenario(name: "Redis frozen").play { round, stand in
            stand.redis.freeze(true)
            try await (round.number == 1 ? round.pause(5_000...5_000) : round.pause(300...1_000))
            stand.redis.freeze(false)
        }
    }

    @Test("repeated CLIENT KILL")
    func clientsKilled() async throws {
        try await Scenario(name: "CLIENT KILL").play { round, stand in
            for _ in 0..<5 {
                _ = try await stand.cli("CLIENT", "KILL", "TYPE", "normal")
                try await round.pause(10...150)
            }
        }
    }

    @Test("CLIENT PAUSE of all commands or of writes")
    func clientsPaused() async throws {
        try await Scenario(name: "CLIENT PAUSE").play { round, stand in
            let time = Int.random(in: 100...700, using: &round.generator)
            let mode = Bool.random(using: &round.generator) ? "ALL" : "WRITE"
            _ = try await stand.cli("CLIENT", "PAUSE", "\(time)", mode)
            try await Task.sleep(for: .milliseconds(time))
        }
    }

    @Test("repeated FUNCTION FLUSH")
    func functionsFlushed() async throws {
        try await Scenario(name: "FUNCTION FLUSH").play { round, stand in
            for _ in 0..<6 {
                _ = try await stand.cli("SCRIPT", "FLUSH")
                _ = try await stand.cli("FUNCTION", "FLUSH")
                try await round.pause(0...80)
            }
        }
    }

    @Test("FLUSHALL: earlier counts are lost, later ones are kept")
    func dataFlushed() async throws {
        try await Scenario(name: "FLUSHALL", losesData: true).play { round, stand in
            _ = try await stand.cli("FLUSHALL")
            let fresh = LoadScope(kind: "user", id: "fresh\(round.number)")
            let replies = try await stand.sidecars[0].client().ask(
                Array(repeating: "RECORD \(fresh.word) tokens=3", count: 10))
            #expect(replies == Array(repeating: "OK", count: 10), "\(round)")
            let counters = try await stand.counters(of: fresh)
            #expect(counters == CounterSums(tokens: 30), "\(round)")
            try await round.pause(50...200)
        }
    }

    @Test("every sidecar reports data that Redis has lost, after a FLUSHALL and after a restart without a file")
    func dataLossReported() async throws {
        let stand = try await Stand(Stand.Setup())
        // Each sidecar has checked the data before they are lost.
        try await Task.sleep(for: .milliseconds(500))
        _ = try await stand.cli("FLUSHALL")
        try await expectLosses(1, on: stand)
        let redis = stand.redis
        try await aside {
            redis.stop()
            try redis.start()
        }
        try await expectLosses(2, on: stand)
        try await stand.stop()
    }

    private func expectLosses(_ count: Int, on stand: Stand) async throws {
        // Sidecars check every two seconds.
        try await Task.sleep(for: .seconds(3))
        let reported = try await stand.info.map(\.redis.health.dataLosses)
        let logged = stand.sidecars.map { $0.log.components(separatedBy: "Redis has lost its data").count - 1 }
        #expect(reported == logged)
        #expect(reported == [count, count])
    }

    @Test("Redis runs out of memory in the middle of the load")
    func memoryFull() async throws {
        try await Scenario(name: "maxmemory").play { round, stand in
            let info = try await stand.cli("INFO", "memory")
            let used = info.split(whereSeparator: \.isNewline).first { $0.hasPrefix("used_memory:") }
            let bytes = used.flatMap { Int($0.dropFirst("used_memory:".count)) } ?? 0
            let room = Int.random(in: -500_000...50_000, using: &round.generator)
            _ = try await stand.cli("CONFIG", "SET", "maxmemory", "\(max(bytes + room, 1))")
            try await round.pause(100...600)
            _ = try await stand.cli("CONFIG", "SET", "maxmemory", "0")
        }
    }

    @Test("a foreign script runs until it is killed")
    func scriptBusy() async throws {
        var setup = Stand.Setup()
        setup.redisArguments = ["--busy-reply-threshold", "30"]
        try await Scenario(name: "BUSY", setup: setup).play { round, stand in
            let redis = stand.redis
            async let endless = aside { try? redis.cli("EVAL", "while true do end", "0") }
            try await round.pause(50...600)
            _ = try await stand.cli("SCRIPT", "KILL")
            _ = try await endless
        }
    }

    @Test("Redis becomes a replica of a missing master, and a master again")
    func readOnly() async throws {
        try await Scenario(name: "READONLY").play { round, stand in
            _ = try await stand.cli("REPLICAOF", "127.0.0.1", "1")
            try await round.pause(100...700)
            _ = try await stand.cli("REPLICAOF", "NO", "ONE")
        }
    }
}

/// All scenarios, one at a time, as two would disturb each other.
@Suite(.serialized) struct FaultTests {}
