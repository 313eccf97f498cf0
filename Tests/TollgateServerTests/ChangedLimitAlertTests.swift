import Testing
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateServer
@testable import TollgateStores

/// Alerts after changes of limits, without requests about their scopes.
@Suite struct ChangedLimitAlertTests {
    private static let tiers = """
        tiers: { big: { limits: { cost: { total: 100 } } }, small: { limits: { cost: { total: 10 } } } }
        assignments: [{ role: R, tier: big }, { default: true, tier: small }]
        """

    @Test(
        "the last limit of a scope removed from the file resolves, also if the scope has a history or is a label of one",
        arguments: ["region", "user", "team", "provider", "tool"])
    func lastLimitGone(kind: String) async throws {
        try await withAlertingSidecar("defaults: { \(kind): { cost: { total: 10 } } }") { harness, store in
            _ = try await harness.ask("RECORD \(kind)=a cost=9")
            let alert = try await store.onlyAlert()
            harness.sidecar.activePolicy.install(
                try Policy(yaml: "defaults: { zone: { cost: { day: 50 } } }", file: "test.yaml"))
            try await store.expectResolved(alert, .limitRaised)
            #expect(try harness.redis.hash("tollgate:\(kind):a")["alerts"] == nil)
        }
    }

    @Test("the last limit of a scope removed by an administrator resolves")
    func lastLimitDeleted() async throws {
        try await withAlertingSidecar("defaults: { zone: { cost: { day: 50 } } }") { harness, store in
            let user = try Scope(parsing: "user:a")
            try await harness.edit(.setLimits(user, [Limit(.cost, .total, max: 10_000_000_000)]), of: user)
            _ = try await harness.ask("RECORD user=a cost=9")
            let alert = try await store.onlyAlert()
            try await harness.edit(.deleteLimits(user), of: user)
            try await store.expectResolved(alert, .limitRaised)
        }
    }

    @Test("the limit of a tier from a role resolves when it is raised")
    func tierRaised() async throws {
        try await withAlertingSidecar(Self.tiers) { harness, store in
            _ = try await harness.ask("RECORD user=a roles=R cost=85")
            // It exceeds the limit of the small tier, but the user may never have that tier.
            let alert = try await store.onlyAlert()
            #expect(alert.source == "tier:big")
            let raised = Self.tiers.replacing("100", with: "1000")
            harness.sidecar.activePolicy.install(try Policy(yaml: raised, file: "test.yaml"))
            try await store.expectResolved(alert, .limitRaised)
        }
    }

    @Test("the alert of a tier that no request can choose any more is resolved")
    func tierGone() async throws {
        try await withAlertingSidecar(Self.tiers) { harness, store in
            _ = try await harness.ask("RECORD user=a roles=R cost=85")
            let alert = try await store.onlyAlert()
            let other = """
                tiers: { vast: { limits: { cost: { total: 1000 } } }, small: { limits: { cost: { total: 500 } } } }
                assignments: [{ role: R, tier: vast }, { default: true, tier: small }]
                """
            harness.sidecar.activePolicy.install(try Policy(yaml: other, file: "test.yaml"))
            try await store.expectResolved(alert, .limitRaised)
        }
    }

    @Test("a limit that two tiers share is still reached when that of one is raised")
    func sharedByTiers() async throws {
        func policy(big: String, small: String, more: String = "") throws -> Policy {
            let tiers = "tiers: { big: { limits: { \(big) } }, small: { limits: { \(small) } } }"
            let assignments = "assignments: [{ role: R, tier: big }, { default: true, tier: small }]"
            return try Policy(yaml: "\(tiers)\n\(assignments)\n\(more)", file: "test.yaml")
        }
        try await withAlertingSidecar("") { harness, store in
            let ten = "cost: { total: 10 }"
            harness.sidecar.activePolicy.install(
                try policy(big: ten, small: ten, more: "defaults: { zone: { \(ten) } }"))
            _ = try await harness.ask("RECORD user=a roles=R cost=11", "RECORD user=b cost=11", "RECORD zone=z cost=11")
            try await eventually { try await store.active(atMost: 10).count == 3 }
            harness.sidecar.activePolicy.install(try policy(big: "cost: { total: 1000 }", small: ten))
            // The zone's alert is resolved last, when all have been reviewed.
            try await eventually { try await store.active(atMost: 10).count < 3 }
            for user in ["a", "b"] {
                let field = try #require(try harness.redis.hash("tollgate:user:\(user)")["alerts"])
                #expect(!field.contains(":-"), "\(user)")
            }
            #expect(try await store.active(atMost: 10).count == 2)
            harness.sidecar.activePolicy.install(try policy(big: "cost: { total: 1000 }", small: ""))
            try await eventually { try await store.active(atMost: 10).isEmpty }
        }
    }

    @Test("a removed limit is not mistaken for one of a role's tier")
    func goneBesideTiers() async throws {
        let tiers = """
            tiers: { ops: { limits: { cost: { total: 10 } } } }
            assignments: [{ role: R, tier: ops }]
            """
        try await withAlertingSidecar("defaults: { user: { cost: { total: 20 } } }\n" + tiers) { harness, store in
            _ = try await harness.ask("RECORD user=a cost=18")
            let alert = try await store.onlyAlert()
            harness.sidecar.activePolicy.install(try Policy(yaml: tiers, file: "test.yaml"))
            try await store.expectResolved(alert, .limitRaised)
        }
    }

    @Test("the user's own limit resolves when it is raised, whatever the tiers of roles")
    func ownLimitBesideTiers() async throws {
        try await withAlertingSidecar(Self.tiers) { harness, store in
            let user = try Scope(parsing: "user:a")
            try await harness.edit(.setLimits(user, [Limit(.cost, .total, max: 20_000_000_000)]), of: user)
            _ = try await harness.ask("RECORD user=a cost=20.3")
            let alert = try await store.onlyAlert()
            try await harness.edit(.setLimits(user, [Limit(.cost, .total, max: 100_000_000_000)]), of: user)
            try await store.expectResolved(alert, .limitRaised)
        }
    }

    @Test("an override of a tier's limit resolves, and its own alert is resolved when it has ended")
    func override() async throws {
        try await withAlertingSidecar(Self.tiers) { harness, store in
            _ = try await harness.ask("RECORD user=a cost=9")
            let first = try await store.onlyAlert()
            let user = try Scope(parsing: "user:a")
            let now = try harness.redis.now
            func set(_ max: Int64, until end: Int64) async throws {
                let override = Override(
                    limits: [Limit(.cost, .total, max: max * 1_000_000_000)], expiresAt: end, reason: "a test")
                try await harness.edit(.setOverride(user, override), of: user)
            }
            try await set(100, until: now + 60_000)
            try await store.expectResolved(first, .limitRaised)
            try await harness.edit(.setAssignment(Assignment(.user(user), tier: "big"), tierIsInFile: true), of: user)
            try await set(5, until: now + 3_000)
            let second = try await store.onlyAlert()
            #expect(second.source == "override" && second.threshold == 100)
            try await eventually { try harness.redis.now > now + 3_000 }
            #expect(try await store.alert(second.id)?.state == .open)
            // As if the minute until the next review had passed.
            try await store.reviews.postpone(second, to: 1)
            try await store.expectResolved(second, .limitRaised)
        }
    }

    @Test("an alert under an override is reviewed each minute, until its period has ended")
    func overrideDue() async throws {
        try await withServer { harness in
            let store = harness.sidecar.stores.alerts
            let user = try Scope(parsing: "user:a")
            func due(_ source: String, endsAt: Int64) async throws -> Int64 {
                let alert = Alert(
                    scope: user, meter: .cost, period: .day, threshold: 80, max: 10, used: 8, source: source,
                    periodID: "2026-01-01", endsAt: endsAt, openedAt: endsAt - 100_000)
                try await store.publish(.opened(alert))
                return Int64(try harness.redis.cli("ZSCORE", "tollgate:{alerts}:ending", alert.id)) ?? -1
            }
            #expect(try await due("defaults", endsAt: 1_000_000) == 1_000_000)
            #expect(try await due("override", endsAt: 2_000_000) == 1_960_000)
        }
    }

    @Test("the alert of a sliding limit from a role's tier is resolved when its window has passed")
    func slidingByRole() async throws {
        let policy = """
            tiers: { big: { limits: { tokens: { 2s: { max: 10, thresholds: [50] }, total: 1000 } } } }
            assignments: [{ role: R, tier: big }]
            """
        try await withAlertingSidecar(policy) { harness, store in
            _ = try await harness.ask("RECORD user=a roles=R tokens=6")
            try await store.expectResolved(try await store.onlyAlert(), .periodEnded)
        }
    }

    @Test("a scope that could not be reviewed when its limits changed is reviewed as soon as Redis can be asked")
    func redisAway() async throws {
        try await withServer(
            policy: "defaults: { user: { cost: { total: 10 } } }",
            adjust: {
                $0.alertSweep = .milliseconds(50)
                $0.deadline = .milliseconds(300)
            }
        ) { harness in
            let store = harness.sidecar.stores.alerts
            _ = try await harness.ask("RECORD user=a cost=9")
            let alert = try await store.onlyAlert()
            harness.redis.freeze(true)
            harness.sidecar.activePolicy.install(
                try Policy(yaml: "defaults: { user: { cost: { total: 50 } } }", file: "test.yaml"))
            harness.sidecar.reviewAlerts(of: alert.scope)
            try await Task.sleep(for: .milliseconds(800))
            harness.redis.freeze(false)
            try await harness.waitForRedis()
            try await store.expectResolved(alert, .limitRaised)
        }
    }
}
