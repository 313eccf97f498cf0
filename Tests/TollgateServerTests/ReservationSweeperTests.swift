import Foundation
import Synchronization
import Testing
import TollgateCore
import TollgateStores
import TollgateTestSupport

@testable import TollgateServer

/// Charging expired reservations of scopes that get no more requests.
@Suite struct ReservationSweeperTests {
    private static let policy = """
        history: [user, provider]
        defaults: { user: { cost: { total: { max: 10, on_expiry: charge, thresholds: [50] } } } }
        """
    private static let tiers = """
        history: [user]
        defaults: { user: { requests: { 1h: 1000 } } }
        tiers:
          pro: { limits: { cost: { total: { max: 10, on_expiry: charge, thresholds: [50] } } } }
          other: { limits: { cost: { total: 20, month: 20 } } }
        assignments: [ { role: Pro, tier: pro }, { role: Other, tier: other } ]
        """

    private static let queue = "tollgate:charge-queue"

    private func isOver(_ scope: String, _ harness: ServerHarness) throws -> Bool {
        let ends = try harness.redis.cli("ZRANGE", "tollgate:\(scope):holds", "0", "0", "WITHSCORES").split(
            separator: "\n")
        let time = try harness.redis.cli("TIME").split(separator: "\n")
        guard let end = ends.last.flatMap({ Double($0) }), let now = time.first.flatMap({ Double($0) }) else {
            return false
        }
        return now * 1_000 > end
    }

    @Test("counters, the history of all scopes, and alerts follow within two seconds, without a request")
    func charges() async throws {
        try await withServer(policy: Self.policy, adjust: { $0.chargeSweep = .seconds(1) }) { harness in
            let other = try await ServerHarness(policy: Self.policy, redis: harness.redis) {
                $0.chargeSweep = .seconds(1)
            }
            _ = try await harness.ask("PEEK user=a provider=p")
            let started = ContinuousClock.now
            #expect(try await harness.ask("RESERVE user=a provider=p cost=6 ttl=1")[0].hasPrefix("ALLOW"))
            try await eventually(within: .seconds(20)) {
                try harness.redis.hash("tollgate:user:a")["cost/total"] == "6000000000"
            }
            // One second of lifetime, one between rounds, and some for a slow machine.
            #expect(ContinuousClock.now - started < .seconds(5))
            try await eventually { try harness.redis.cli("EXISTS", Self.queue) == "0" }
            _ = try await harness.sidecar.stores.alerts.onlyAlert()
            let day = try harness.redis.hash("tollgate:provider:p")
            #expect(day["history/cost"] == "6000000000")
            #expect(day["held"] == nil)
            let user = try harness.redis.hash("tollgate:user:a")
            #expect(user["cost/total"] == "6000000000")
            #expect(user["history/cost/provider=p"] == "6000000000")
            await other.stop()
        }
    }

    @Test("the limits of the tier by role count it, and requests of other tiers leave it to them")
    func tierByRole() async throws {
        try await withServer(policy: Self.tiers) { harness in
            let reply = try await harness.ask("RESERVE user=a roles=Pro cost=6 ttl=1")[0]
            #expect(reply.hasPrefix("ALLOW"))
            try await eventually { try isOver("user:a", harness) }
            for _ in 0..<2 {
                _ = try await harness.ask("CHECK user=a", "CHECK user=a roles=Other")
                #expect(try harness.redis.cli("ZCARD", "tollgate:user:a:holds") == "1")
                harness.sidecar.reviewAlerts(of: try Scope(parsing: "user:a"))
            }
            let scope = try Scope(parsing: "user:a")
            #expect(await harness.sidecar.workers[0].sweepReservations(of: scope) == .swept)
            let stored = try harness.redis.hash("tollgate:user:a")
            #expect(stored["cost/total"] == "6000000000")
            #expect(stored["cost/month"] == nil)
            #expect(stored["history/cost"] == "6000000000")
            #expect(stored["held"] == nil)
            _ = try await harness.sidecar.stores.alerts.onlyAlert()
            #expect(try harness.redis.cli("EXISTS", Self.queue, "tollgate:user:a:holds") == "0")
            #expect(try await harness.ask("COMMIT reservation=\(token(reply)) cost=2") == ["OK late=1"])
            let committed = try harness.redis.hash("tollgate:user:a")
            #expect(committed["cost/total"] == "2000000000")
            #expect(committed["history/cost"] == "2000000000")
        }
    }

    @Test("a scope whose charge cannot be written does not stop the others, and is a warning once")
    func blocked() async throws {
        let log = CapturedLog()
        try await withServer(policy: Self.policy) { harness in
            _ = try await harness.ask("RESERVE user=a cost=6 ttl=1", "RESERVE user=b cost=6 ttl=1")
            try harness.redis.cli("SET", "tollgate:user:a:charged", "foreign")
            try await eventually { try isOver("user:b", harness) }
            let sweeper = ReservationSweeper(
                queue: harness.sidecar.stores.charges, interval: .seconds(1), logger: log.logger,
                sweep: { await harness.sidecar.workers[0].sweepReservations(of: $0) })
            for _ in 0..<3 { await sweeper.sweepDue() }
            #expect(try harness.redis.hash("tollgate:user:b")["cost/total"] == "6000000000")
            #expect(try harness.redis.hash("tollgate:user:a")["cost/total"] == nil)
            #expect(try harness.redis.cli("ZRANGE", Self.queue, "0", "-1") == "user:a")
            let warning = "cannot charge the expired reservations of user:a: "
            #expect(log.text.components(separatedBy: warning).count == 2, "\(log.text)")
        }
    }

    @Test("a round charges all of thousands that expire together, over several calls")
    func many() async throws {
        try await withServer(policy: "defaults: { user: { cost: { total: { max: 9000, on_expiry: charge } } } }") {
            harness in
            let client = try harness.client()
            for _ in 0..<4 {
                let replies = try await client.ask(Array(repeating: "RESERVE user=a cost=1 ttl=3", count: 500))
                #expect(replies.allSatisfy { $0.hasPrefix("ALLOW") })
            }
            _ = try await client.ask("RESERVE user=b cost=1 ttl=3")
            try await eventually { try isOver("user:b", harness) }
            let sweeper = ReservationSweeper(
                queue: harness.sidecar.stores.charges, interval: .seconds(1), logger: CapturedLog().logger,
                sweep: { await harness.sidecar.workers[0].sweepReservations(of: $0) })
            await sweeper.sweepDue()
            #expect(try harness.redis.hash("tollgate:user:a")["cost/total"] == "2000000000000")
            #expect(try harness.redis.cli("EXISTS", Self.queue, "tollgate:user:a:holds") == "0")
        }
    }

    @Test("a queue of another type is a warning, and members that are not scopes are removed")
    func foreignQueue() async throws {
        let log = CapturedLog()
        try await withServer(policy: Self.policy) { harness in
            let sweeper = ReservationSweeper(
                queue: harness.sidecar.stores.charges, interval: .seconds(1), logger: log.logger,
                sweep: { _ in .swept })
            try harness.redis.cli("ZADD", Self.queue, "1", "no scope")
            await sweeper.sweepDue()
            #expect(try harness.redis.cli("EXISTS", Self.queue) == "0")
            try harness.redis.cli("SET", Self.queue, "foreign")
            for _ in 0..<2 { await sweeper.sweepDue() }
            let warning = "cannot charge expired reservations: \(Self.queue): wrong data type"
            #expect(log.text.components(separatedBy: warning).count == 2, "\(log.text)")
        }
    }

    @Test("a round ends while Redis cannot be asked, and a scope that fails is tried again in a minute")
    func failures() async throws {
        try await withServer(policy: Self.policy) { harness in
            let stores = harness.sidecar.stores
            for number in 0..<150 { try harness.redis.cli("ZADD", Self.queue, "1", "user:u\(number)") }
            for (outcome, calls, due) in [
                (ReservationSweep.Outcome.notNow, 100, 100), (.failed("x"), 150, 0),
            ] {
                let swept = SweptScopes()
                let sweeper = ReservationSweeper(
                    queue: stores.charges, interval: .seconds(1), logger: CapturedLog().logger,
                    sweep: { swept.add($0, outcome) })
                await sweeper.sweepDue()
                #expect(swept.count == calls)
                #expect(try await stores.charges.due(atMost: 100).scopes.count == due)
            }
            #expect(try harness.redis.cli("ZCARD", Self.queue) == "150")
        }
    }

    private final class SweptScopes: Sendable {
        private let scopes = Mutex<[Scope]>([])

        var count: Int { scopes.withLock { $0.count } }

        func add(_ scope: Scope, _ outcome: ReservationSweep.Outcome) -> ReservationSweep.Outcome {
            scopes.withLock { $0.append(scope) }
            return outcome
        }
    }

    @Test("with partitions each has a queue")
    func partitions() async throws {
        try await withServer(
            policy: Self.policy,
            adjust: {
                $0.partitions = 300
                $0.chargeSweep = .milliseconds(100)
            }
        ) { harness in
            let lines = (0..<5).map { "RESERVE user=u\($0) cost=1 ttl=1" }
            #expect(try await harness.ask(lines).allSatisfy { $0.hasPrefix("ALLOW") })
            #expect(try harness.redis.cli("KEYS", "tollgate:{*}:charge-queue").split(separator: "\n").count == 5)
            try await eventually { try harness.redis.cli("KEYS", "tollgate:{*}:charge-queue").isEmpty }
            let used = try harness.redis.cli("KEYS", "tollgate:{*}:user:u?").split(separator: "\n").map {
                try harness.redis.cli("HGET", String($0), "cost/total")
            }
            #expect(used == Array(repeating: "1000000000", count: 5))
        }
    }
}
