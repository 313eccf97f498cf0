import Foundation
import Testing
import TollgateTestSupport

/// Tests of faults between a RESERVE and its expiry.
extension FaultTests {
    private static let expiryPolicy = """
        history: [user, provider]
        defaults: { user: { cost: { total: { max: 100000, on_expiry: charge, thresholds: [] } } } }
        """
    private static let callers = 12

    @Test(
        "a sidecar is killed, and Redis restarted, between RESERVE and expiry: each is charged once, or its COMMIT counts"
    )
    func reservationsExpireInFaults() async throws {
        let name = "expiry in faults"
        for (number, seed) in FaultSettings.seeds(of: name).enumerated() {
            var round = Round(scenario: name, number: number, seed: seed)
            let stand = try await Stand(Stand.Setup(sidecars: 2, isDurable: true, policy: Self.expiryPolicy))
            do {
                try await playExpiry(&round, on: stand)
            } catch {
                Issue.record("\(round): \(error)\n\(stand.logs)")
                throw error
            }
            try await stand.stop()
        }
    }

    private func playExpiry(_ round: inout Round, on stand: Stand) async throws {
        let redis = stand.redis
        let lines = (0..<Self.callers).map { "RESERVE user=u\($0) provider=p cost=\($0 + 10) ttl=2" }
        let tokens = try await stand.sidecars[0].client().ask(lines).map { reply in
            String(try #require(reply.split(separator: " reservation=").last?.split(separator: " ").first))
        }
        try await round.pause(0...300)
        try await stand.killSidecar(0)
        try await aside { redis.stop() }
        // Some callers commit after all: their COMMITs wait in the journal of the other sidecar until after the expiry.
        let late = (0..<Self.callers).filter { _ in Bool.random(using: &round.generator) }
        try await eventually { try await stand.sidecars[1].client().ask("RECORD user=x cost=1") == ["OK queued=1"] }
        let replies = try await stand.sidecars[1].client().ask(late.map { "COMMIT reservation=\(tokens[$0]) cost=1" })
        #expect(replies.allSatisfy { $0 == "OK queued=1" }, "\(round): \(replies)")
        let isKilledAgain = Bool.random(using: &round.generator)
        if isKilledAgain { try await stand.killSidecar(1) }
        try await round.pause(0...2_500)
        try await aside { try redis.start() }
        try await stand.startSidecar(0)
        if isKilledAgain {
            try await round.pause(0...2_500)
            try await stand.startSidecar(1)
        }
        try await stand.waitUntilDrained()

        let expected = (0..<Self.callers).map { "\(late.contains($0) ? 1 : $0 + 10)000000000" }
        let total = "\((0..<Self.callers).reduce(0) { $0 + (late.contains($1) ? 1 : $1 + 10) })000000000"
        func used() async throws -> [String] {
            var used: [String] = []
            for caller in 0..<Self.callers {
                used.append(try await stand.cli("HGET", "tollgate:user:u\(caller)", "cost/total"))
            }
            return used
        }
        try await eventually(within: .seconds(20)) {
            let (used, history) = (try await used(), try await stand.cli("HGET", "tollgate:provider:p", "history/cost"))
            return used == expected && history == total
        }
        // Whatever is sent again afterwards changes nothing.
        let client = try stand.sidecars[0].client()
        _ = try await client.ask(late.map { "COMMIT reservation=\(tokens[$0]) cost=1" })
        _ = try await client.ask((0..<Self.callers).map { "PEEK user=u\($0) provider=p" })
        #expect(try await used() == expected, "\(round)")
        #expect(try await stand.cli("HGET", "tollgate:provider:p", "history/cost") == total, "\(round)")
        #expect(try await stand.cli("EXISTS", "tollgate:charge-queue") == "0", "\(round)")
    }
}
