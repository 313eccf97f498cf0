import Synchronization
import Testing
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateStores
import TollgateTestSupport

@testable import TollgateServer

/// Alerts of scopes that get no more requests. The tests sweep with a sweeper of their own; that of the sidecar sleeps.
@Suite struct AlertSweeperTests {
    private static let day: Int64 = 86_400_000

    /// Reviews with a given outcome, and their scopes.
    private final class Reviews: Sendable {
        private let state: Mutex<(outcome: AlertReview.Outcome, scopes: [Scope], inFlight: Int, most: Int)>

        init(_ outcome: AlertReview.Outcome) {
            state = Mutex((outcome, [], 0, 0))
        }

        var outcome: AlertReview.Outcome {
            get { state.withLock { $0.outcome } }
            set { state.withLock { $0.outcome = newValue } }
        }
        var scopes: [Scope] { state.withLock { $0.scopes } }
        var maxAtOnce: Int { state.withLock { $0.most } }

        func review(_ scope: Scope) async -> AlertReview.Outcome {
            state.withLock { state in
                state.scopes.append(scope)
                state.inFlight += 1
                state.most = max(state.most, state.inFlight)
            }
            await Task.yield()
            return state.withLock { state in
                state.inFlight -= 1
                return state.outcome
            }
        }
    }

    private struct Fixture {
        let redis: TestRedis
        let store: AlertStore
        let reviews: Reviews
        let policy: SharedPolicyText
        let log: CapturedLog
        let sweeper: AlertSweeper

        func score(_ alert: Alert) throws -> Int64 {
            Int64(Double(try redis.cli("ZSCORE", "tollgate:{alerts}:ending", alert.id)) ?? -1)
        }
    }

    /// A policy that changes during a test.
    private final class SharedPolicyText: Sendable {
        private let policy = Mutex(Policy())

        var current: Policy { policy.withLock { $0 } }

        func change() { policy.withLock { $0.currency = $0.currency == "USD" ? "EUR" : "USD" } }
    }

    private func with(_ outcome: AlertReview.Outcome, _ body: (Fixture) async throws -> Void) async throws {
        try await withServer { harness in
            let store = harness.sidecar.stores.alerts
            let (reviews, policy, log) = (Reviews(outcome), SharedPolicyText(), CapturedLog())
            let sweeper = AlertSweeper(
                store: store, interval: .seconds(7), logger: log.logger, policy: { policy.current },
                review: { await reviews.review($0) })
            try await body(
                Fixture(
                    redis: harness.redis, store: store, reviews: reviews, policy: policy, log: log, sweeper: sweeper))
        }
    }

    private func alert(_ scope: String, _ period: Period, at: Int64) throws -> Alert {
        var end: Int64? = at + 1_000
        if case .total = period { end = nil }
        return Alert(
            scope: try Scope(parsing: scope), meter: .cost, period: period, threshold: 80, max: 10, used: 8,
            source: "defaults", periodID: period == .day ? "2026-01-01" : nil, endsAt: end, openedAt: at)
    }

    /// Opens an alert as the batch script does, with its entry in the scope's hash.
    private func open(_ alert: Alert, _ fixture: Fixture) async throws {
        try await fixture.store.publish(.opened(alert))
        try fixture.redis.cli(
            "HSET", "tollgate:\(alert.scope)", "alerts", "\(alert.limitName) - 80:10:\(alert.openedAt)")
    }

    @Test("an alert whose refund no sidecar has published is resolved as refunded")
    func unpublishedRefund() async throws {
        try await with(.reviewed) { fixture in
            let now = try await fixture.store.redisTime()
            let alert = try alert("user:a", .total, at: now - 2 * Self.day)
            try await open(alert, fixture)
            let (at, key) = (alert.openedAt, "tollgate:user:a")
            let item = #"{"resolved":"cost/total","percent":80,"opened_at":\#(at),"reason":"refunded","at":\#(now)}"#
            try fixture.redis.cli("HSET", key, "alerts", "cost/total - 80:10:-\(at)r\(at)", "outbox", "[\(item)]")
            await fixture.sweeper.sweep()
            let swept = try #require(try await fixture.store.alert(alert.id))
            #expect(swept.reason == .refunded && swept.resolved?.at == now)
        }
    }

    @Test("an unreadable alert, and one with an unreadable scope, do not block others")
    func poison() async throws {
        try await with(.reviewed) { fixture in
            let broken = try alert("user:a", .day, at: 1_000)
            let odd = try alert("user:b", .sliding(seconds: 1), at: 2_000)
            let good = try alert("user:c", .day, at: 3_000)
            for alert in [broken, odd, good] { try await fixture.store.publish(.opened(alert)) }
            try fixture.redis.cli("HSET", "tollgate:{alerts}:alert:\(broken.id)", "max", "many")
            try fixture.redis.cli("SET", "tollgate:user:b", "broken")
            let now = try fixture.redis.now
            for _ in 0..<3 { await fixture.sweeper.sweep() }
            let resolved = try #require(try await fixture.store.alert(good.id))
            #expect(resolved.reason == .periodEnded && resolved.resolved?.at == good.endsAt)
            for alert in [broken, odd] {
                #expect((now + 3_600_000...now + 4_200_000).contains(try fixture.score(alert)))
            }
            let lines = fixture.log.text.split(separator: "\n").filter { $0.hasPrefix("warning") }
            #expect(lines.count == 2, "\(lines)")
            #expect(lines.contains { $0.contains("tollgate:{alerts}:alert:\(broken.id): malformed alert") })
            #expect(lines.contains { $0.contains("tollgate:user:b: wrong data type") })
        }
    }

    @Test("one sweep resolves more than a page of alerts")
    func many() async throws {
        try await with(.reviewed) { fixture in
            for number in 0..<250 {
                try await fixture.store.publish(.opened(alert("user:u\(number)", .day, at: Int64(number))))
            }
            try fixture.redis.cli(
                "HSET", "tollgate:{alerts}:alert:\(try alert("user:u0", .day, at: 0).id)", "max", "many")
            await fixture.sweeper.sweep()
            #expect(try await fixture.store.active(atMost: 10).isEmpty)
        }
    }

    @Test(
        "an alert without an end is reviewed while the hash has it open, and resolved when it has not",
        arguments: [(.total, 86_400_000), (.sliding(seconds: 1), 5_000), (.sliding(seconds: 60), 30_000)]
            as [(Period, Int64)])
    func lookedAt(period: Period, every pause: Int64) async throws {
        try await with(.reviewed) { fixture in
            let now = try fixture.redis.now
            let alert = try alert("user:a", period, at: now - 40 * Self.day)
            try await open(alert, fixture)
            await fixture.sweeper.sweep()
            // Once because the alert is due, and once because the sweeper has just started.
            #expect(fixture.reviews.scopes == [alert.scope, alert.scope])
            #expect((now + pause...now + pause + 600_000).contains(try fixture.score(alert)))
            #expect(try await fixture.store.alert(alert.id) == alert)
            await fixture.sweeper.sweep()
            #expect(fixture.reviews.scopes.count == 2)

            try await fixture.store.reviews.postpone(alert, to: now)
            try fixture.redis.cli("DEL", "tollgate:user:a")
            await fixture.sweeper.sweep()
            let resolved = try #require(try await fixture.store.alert(alert.id))
            #expect(resolved.state == .resolved && resolved.reason == .periodEnded)
            #expect(try #require(resolved.resolved).at >= now)
        }
    }

    @Test("a scope that cannot be reviewed now is reviewed with the next sweep")
    func notNow() async throws {
        try await with(.notNow) { fixture in
            let now = try fixture.redis.now
            let alert = try alert("user:a", .total, at: now - 2 * Self.day)
            try await open(alert, fixture)
            await fixture.sweeper.sweep()
            #expect((now + 7_000...now + 600_000).contains(try fixture.score(alert)))
            #expect(try await fixture.store.alert(alert.id) == alert)
        }
    }

    @Test("if no limit applies to a scope any more, its alerts are resolved and removed from its hash")
    func inert() async throws {
        try await with(.noLimits) { fixture in
            let now = try fixture.redis.now
            let due = try alert("user:a", .sliding(seconds: 60), at: now - Self.day)
            let later = try alert("user:b", .total, at: now)
            for alert in [due, later] { try await open(alert, fixture) }
            await fixture.sweeper.sweep()
            for alert in [due, later] {
                #expect(try await fixture.store.alert(alert.id)?.reason == .limitRaised)
                #expect(try fixture.redis.cli("EXISTS", "tollgate:\(alert.scope)") == "0")
            }
        }
    }

    @Test("after a change of the policy every scope with an alert is reviewed once, a few at a time")
    func policyChanged() async throws {
        try await with(.reviewed) { fixture in
            let now = try fixture.redis.now
            var scopes: Set<Scope> = []
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<1_250 {
                    let alert = try alert("user:u\(number % 1_150)", .total, at: now + Int64(number))
                    scopes.insert(alert.scope)
                    group.addTask { try await fixture.store.publish(.opened(alert)) }
                }
                try await group.waitForAll()
            }
            await fixture.sweeper.sweep()
            #expect(Set(fixture.reviews.scopes) == scopes)
            #expect(fixture.reviews.scopes.count == scopes.count)
            #expect(fixture.reviews.maxAtOnce <= 8)
            await fixture.sweeper.sweep()
            #expect(fixture.reviews.scopes.count == scopes.count)

            fixture.policy.change()
            fixture.reviews.outcome = .notNow
            await fixture.sweeper.sweep()
            #expect(fixture.reviews.scopes.count == 2 * scopes.count)
            fixture.reviews.outcome = .reviewed
            for _ in 0..<3 { await fixture.sweeper.sweep() }
            #expect(fixture.reviews.scopes.count == 3 * scopes.count)
        }
    }

    @Test("if too many scopes have changed all are reviewed, also after a failed attempt")
    func tooManyChanged() async throws {
        try await with(.reviewed) { fixture in
            let alert = try alert("zone:z", .total, at: try fixture.redis.now)
            try await fixture.store.publish(.opened(alert))
            func reviews() -> Int { fixture.reviews.scopes.filter { $0 == alert.scope }.count }
            await fixture.sweeper.sweep()
            #expect(reviews() == 1)
            for number in 0...10_000 { fixture.sweeper.reviewLater(try Scope(parsing: "user:u\(number)")) }
            let indexes = ["all", "open", "acknowledged"].map { "tollgate:{alerts}:index:\($0)" }
            for index in indexes where try fixture.redis.cli("EXISTS", index) == "1" {
                try fixture.redis.cli("RENAME", index, "\(index):kept")
            }
            for index in indexes { try fixture.redis.cli("SET", index, "broken") }
            await fixture.sweeper.sweep()
            #expect(reviews() == 1)
            for index in indexes {
                try fixture.redis.cli("DEL", index)
                if try fixture.redis.cli("EXISTS", "\(index):kept") == "1" {
                    try fixture.redis.cli("RENAME", "\(index):kept", index)
                }
            }
            await fixture.sweeper.sweep()
            #expect(reviews() == 2)
        }
    }
}
