import Foundation
import Testing
import TollgateTestSupport

/// Tests of faults of a sidecar.
extension FaultTests {
    @Test("a sidecar is killed and restarted with its files, while another goes on")
    func sidecarKilled() async throws {
        try await Scenario(name: "sidecar killed", sidecarsMayDie: true).play { round, stand in
            let number = Int.random(in: 0..<2, using: &round.generator)
            try await stand.killSidecar(number)
            try await round.pause(0...200)
            try await stand.startSidecar(number)
        }
    }

    @Test(
        "a sidecar killed while Redis is away, and started before Redis is back: what it had taken on is counted once")
    func sidecarKilledInOutage() async throws {
        var setup = Stand.Setup()
        setup.isDurable = true
        try await Scenario(name: "sidecar killed in an outage", setup: setup, sidecarsMayDie: true).play {
            round, stand in
            let redis = stand.redis
            try await aside { redis.stop() }
            try await round.pause(50...300)
            try await stand.killSidecar(0)
            let wait = round.milliseconds(0...300)
            async let isBack: Void = aside {
                Thread.sleep(forTimeInterval: wait / .seconds(1))
                try redis.start()
            }
            try await stand.startSidecar(0)
            try await isBack
        }
    }

    @Test("a sidecar is killed while Redis's replies are lost: its unanswered calls are counted once")
    func sidecarKilledWithRepliesLost() async throws {
        var setup = Stand.Setup()
        setup.isProxied = true
        try await Scenario(name: "sidecar killed, replies lost", setup: setup, sidecarsMayDie: true).play {
            round, stand in
            try await stand.proxy?.set(.swallowReplies)
            // Shorter and longer than the deadline, after which unanswered writes are journaled.
            try await round.pause(50...600)
            try await stand.killSidecar(0)
            try await stand.proxy?.set(.none)
            try await stand.startSidecar(0)
        }
    }

    @Test("a sidecar is suspended and resumed, with replies that arrived long before")
    func sidecarFrozen() async throws {
        try await Scenario(name: "sidecar frozen").play { round, stand in
            for sidecar in stand.sidecars {
                sidecar.signal(SIGSTOP)
                try await round.pause(100...700)
                sidecar.signal(SIGCONT)
            }
        }
    }

    @Test("a sidecar is killed repeatedly")
    func sidecarKilledRepeatedly() async throws {
        var setup = Stand.Setup()
        setup.sidecars = 1
        try await Scenario(name: "sidecar killed thrice", setup: setup, sidecarsMayDie: true).play { round, stand in
            for _ in 0..<3 {
                try await stand.killSidecar(0)
                try await stand.startSidecar(0)
                try await round.pause(5...60)
            }
        }
    }
}
