import Testing
import TollgateTestSupport

/// Tests of the network between the sidecars and Redis.
extension FaultTests {
    private func play(
        _ name: String, fault: (inout Round, FaultyProxy) async throws -> Void
    ) async throws {
        var setup = Stand.Setup()
        setup.isProxied = true
        try await Scenario(name: name, setup: setup).play { round, stand in
            guard let proxy = stand.proxy else { return }
            try await fault(&round, proxy)
            try await proxy.set(.none)
        }
    }

    @Test("a slow network, also slower than the deadline")
    func delayed() async throws {
        try await play("delay") { round, proxy in
            let (requests, replies) = (round.milliseconds(0...200), round.milliseconds(0...200))
            try await proxy.set(.delay(requests: requests, replies: replies))
            try await round.pause(300...700)
        }
    }

    @Test("connections are cut in the middle of a reply")
    func cutInReply() async throws {
        try await play("cut") { round, proxy in
            for _ in 0..<4 {
                let cuts = try await proxy.cuts
                try await proxy.set(.cut(afterReplyBytes: Int.random(in: 1...600, using: &round.generator)))
                try await eventually { try await proxy.cuts > cuts }
                try await round.pause(0...60)
            }
        }
    }

    @Test("a network that accepts everything and delivers nothing")
    func swallowed() async throws {
        try await play("all swallowed") { round, proxy in
            try await proxy.set(.swallowAll)
            try await round.pause(100...800)
        }
    }

    @Test("replies are lost: requests are applied without an answer")
    func repliesLost() async throws {
        try await play("replies swallowed") { round, proxy in
            try await proxy.set(.swallowReplies)
            try await round.pause(100...800)
        }
    }

    @Test("connections are refused")
    func refused() async throws {
        try await play("refused") { round, proxy in
            try await proxy.set(.refuse)
            try await round.pause(50...800)
        }
    }

    @Test("all network faults, without pauses in between")
    func everything() async throws {
        try await play("all network faults") { round, proxy in
            for _ in 0..<4 {
                let fault: [ProxyFault] = [
                    .delay(requests: round.milliseconds(0...100), replies: round.milliseconds(0...300)),
                    .cut(afterReplyBytes: Int.random(in: 1...300, using: &round.generator)),
                    .swallowAll, .swallowReplies, .refuse, .none,
                ]
                try await proxy.set(fault.randomElement(using: &round.generator)!)
                try await round.pause(20...300)
            }
        }
    }
}
