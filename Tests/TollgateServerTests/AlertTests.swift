import Foundation
import Testing
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateServer
@testable import TollgateStores

/// Alerts from the crossing of a threshold to their resolution.
@Suite struct AlertTests {
    private static let policy = """
        defaults:
          user: { cost: { day: 10 }, tokens: { 2s: { max: 10, thresholds: [50] } }, requests: { 1h: 3 } }
        """

    @Test("a RECORD that reaches a threshold warns, and the alert moves from the outbox to the store")
    func opened() async throws {
        try await withAlertingSidecar(Self.policy) { harness, store in
            #expect(try await harness.ask("RECORD user=a cost=8.5") == ["OK warn=user:a/cost/day:80"])
            let alert = try await store.onlyAlert()
            #expect(alert.threshold == 80)
            #expect(alert.used == 8_500_000_000)
            #expect(alert.source == "defaults")
            let key = "tollgate:user:a"
            try await eventually { try harness.redis.hash(key)["outbox"] == nil }
        }
    }

    @Test(
        "70 to 101 % opens one alert, a doubled limit resolves it without a request, and 80 % of that opens another"
    )
    func doubled() async throws {
        try await withAlertingSidecar(Self.policy) { harness, store in
            _ = try await harness.ask("RECORD user=a cost=7", "RECORD user=a cost=3.1")
            let first = try await store.onlyAlert()
            #expect(first.kind == .quotaExceeded)
            let user = try Scope(parsing: "user:a")
            try await harness.edit(.setLimits(user, [Limit(.cost, .day, max: 20_000_000_000)]), of: user)
            try await store.expectResolved(first, .limitRaised)
            _ = try await harness.ask("RECORD user=a cost=5.8")
            #expect(try await harness.ask("RECORD user=a cost=0.1") == ["OK warn=user:a/cost/day:80"])
            let second = try await store.onlyAlert()
            #expect(second.threshold == 80)
            #expect(second.max == 20_000_000_000)
        }
    }

    @Test("a policy file with a higher limit resolves without a request")
    func policyChanged() async throws {
        try await withAlertingSidecar(Self.policy) { harness, store in
            _ = try await harness.ask("RECORD user=a cost=10")
            let alert = try await store.onlyAlert()
            harness.sidecar.activePolicy.install(
                try Policy(yaml: "defaults: { user: { cost: { day: 50 } } }", file: "test.yaml"))
            try await store.expectResolved(alert, .limitRaised)
        }
    }

    @Test("without the role that chooses a user's tier no alert is opened, and a reset resolves")
    func roles() async throws {
        let policy = """
            tiers: { big: { limits: { cost: { day: 100 } } }, small: { limits: { cost: { day: 10 } } } }
            assignments: [{ role: R, tier: big }, { default: true, tier: small }]
            """
        try await withAlertingSidecar(policy) { harness, store in
            _ = try await harness.ask("RECORD user=a roles=R cost=85")
            let alert = try await store.onlyAlert()
            #expect(alert.source == "tier:big")
            harness.sidecar.reviewAlerts(of: try Scope(parsing: "user:a"))
            // The second review is behind the first.
            _ = try await harness.ask("PEEK user=a roles=R")
            try await Task.sleep(for: .milliseconds(200))
            #expect(try await store.active(atMost: 10) == [alert])
            let user = try Scope(parsing: "user:a")
            _ = try await harness.sidecar.stores.policy.reset(user, limits: nil, by: SharedPolicyTests.author)
            harness.sidecar.reviewAlerts(of: user)
            try await store.expectResolved(alert, .reset)
        }
    }

    @Test("the alert of a sliding limit from a role's tier stays open while it is valid")
    func slidingByRole() async throws {
        let policy = """
            tiers: { big: { limits: { tokens: { 3s: { max: 10, thresholds: [50] }, 1h: { max: 10, thresholds: [50] } } } } }
            assignments: [{ role: R, tier: big }]
            """
        try await withAlertingSidecar(policy) { harness, store in
            _ = try await harness.ask("RECORD user=a roles=R tokens=6")
            try await eventually { try await store.active(atMost: 10).count == 2 }
            let alert = try #require(try await store.active(atMost: 10).first { $0.limitName == "tokens/1h" })
            // As if most of the hour had passed.
            try await store.reviews.postpone(alert, to: 1)
            try await eventually {
                try Double(harness.redis.cli("ZSCORE", "tollgate:{alerts}:ending", alert.id)) ?? 0 > 1_000
            }
            #expect(try await store.alert(alert.id)?.state == .open)
        }
    }

    @Test("the alert of a total limit is resolved when the counters have been deleted")
    func totalDeleted() async throws {
        try await withAlertingSidecar("defaults: { user: { cost: { total: 10 } } }") { harness, store in
            _ = try await harness.ask("RECORD user=a cost=9")
            let alert = try await store.onlyAlert()
            try harness.redis.cli("DEL", "tollgate:user:a")
            try await store.reviews.postpone(alert, to: 1)
            try await store.expectResolved(alert, .periodEnded)
        }
    }

    @Test("a reset resolves without a request")
    func reset() async throws {
        try await withAlertingSidecar(Self.policy) { harness, store in
            _ = try await harness.ask("RECORD user=a cost=9")
            let alert = try await store.onlyAlert()
            let user = try Scope(parsing: "user:a")
            _ = try await harness.sidecar.stores.policy.reset(user, limits: nil, by: SharedPolicyTests.author)
            harness.sidecar.reviewAlerts(of: user)
            try await store.expectResolved(alert, .reset)
        }
    }

    @Test("the alert of a sliding limit is resolved when its window has passed, without a request")
    func slidingEnds() async throws {
        try await withAlertingSidecar(Self.policy) { harness, store in
            _ = try await harness.ask("RECORD user=a tokens=6")
            let alert = try await store.onlyAlert()
            #expect(alert.limitName == "tokens/2s")
            try await store.expectResolved(alert, .periodEnded)
        }
    }

    @Test("an alert is resolved at the end of its day without a request")
    func dayEnds() async throws {
        try await withAlertingSidecar(Self.policy) { _, store in
            let alert = Alert(
                scope: try Scope(parsing: "user:b"), meter: .cost, period: .day, threshold: 80, max: 10, used: 8,
                source: "defaults", periodID: "2026-01-01", endsAt: 1_767_312_000_000, openedAt: 1_767_300_000_000)
            try await store.publish(.opened(alert))
            try await store.expectResolved(alert, .periodEnded)
        }
    }

    @Test("a denial is published once, with the scopes of its request")
    func denied() async throws {
        try await withAlertingSidecar(Self.policy) { harness, store in
            _ = try await harness.ask(Array(repeating: "CHECK user=a tool=x", count: 6))
            try await eventually { try await !store.denials.events(atMost: 10).items.isEmpty }
            let events = try await store.denials.events(atMost: 10).items
            #expect(events.count == 1)
            #expect(events.first?.event.scope.description == "user:a")
            #expect(events.first?.event.request.map(\.description) == ["user:a", "tool:x"])
        }
    }

    @Test("64 clients of four sidecars that cross 80 % together open one alert")
    func together() async throws {
        try await withServer(policy: Self.policy) { first in
            var sidecars = [first]
            for _ in 1..<4 { sidecars.append(try await ServerHarness(policy: Self.policy, redis: first.redis)) }
            // 64 × 10 × 0.013 = 8.32
            try await withThrowingTaskGroup(of: Void.self) { group in
                for place in 0..<64 {
                    let client = try sidecars[place % 4].client()
                    group.addTask {
                        for _ in 0..<10 { _ = try await client.ask("RECORD user=a cost=0.013") }
                    }
                }
                try await group.waitForAll()
            }
            let store = first.sidecar.stores.alerts
            let alert = try await store.onlyAlert()
            #expect(alert.threshold == 80)
            for sidecar in sidecars.dropFirst() { await sidecar.stop() }
            let entries = try await store.stream.entries(after: "0-0", atMost: 100)
            #expect(entries.map(\.alert.id) == [alert.id])
        }
    }
}
