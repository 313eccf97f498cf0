import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger
@testable import TollgateServer
@testable import TollgateStores

/// Publishing from outboxes to the store, with errors on the way.
@Suite struct AlertPublisherTests {
    private static let policy = "defaults: { user: { cost: { day: 10 } } }"

    private func denial(_ number: Int64) throws -> LedgerNotice {
        let scope = try Scope(parsing: "user:a")
        return .denied(
            DenialEvent(
                at: number, scope: scope, meter: .requests, period: .day, max: 1, used: 1, source: "defaults",
                request: [scope]))
    }

    private func pending(_ number: Int64) throws -> LedgerNotice {
        let scope = try Scope(parsing: "user:a")
        let item = #"{"resolved":"cost/day","percent":80,"opened_at":1,"reason":"reset","at":\#(number)}"#
        return .outbox(AlertOutbox(scope: scope, items: [item]))
    }

    @Test("a store that cannot be reached now is called again, and other errors end the attempts")
    func repeatable() {
        for error in [StoreError.notConnected, .unavailable("x")] {
            #expect(error.maySucceedLater && error.changedNothingYet)
        }
        #expect(StoreError.unknownOutcome("x").maySucceedLater && !StoreError.unknownOutcome("x").changedNothingYet)
        for error in [StoreError.missing, .corrupt("x"), .tooMany("x"), .alreadyDone("x"), .badCursor] {
            #expect(!error.maySucceedLater && !error.changedNothingYet)
        }
    }

    @Test("an item that can never be published is dropped, and does not block later alerts of the scope")
    func poison() async throws {
        try await withServer(policy: Self.policy) { harness in
            let store = harness.sidecar.stores.alerts
            _ = try await harness.ask("RECORD user=a cost=8.5")
            try await eventually { try await store.active(atMost: 10).count == 1 }
            let first = try await store.active(atMost: 10)[0]
            try await eventually { try harness.redis.hash("tollgate:user:a")["outbox"] == nil }
            try harness.redis.cli("HSET", "tollgate:{alerts}:alert:\(first.id)", "max", "many")
            let user = try Scope(parsing: "user:a")
            // Resolves the first alert, which fails; then opens another.
            try await harness.edit(.setLimits(user, [Limit(.cost, .day, max: 20_000_000_000)]), of: user)
            try await eventually { try harness.redis.hash("tollgate:user:a")["alerts"]?.contains(":-") == true }
            _ = try await harness.ask("RECORD user=a cost=9")
            try await eventually { try await store.active(atMost: 10).count == 1 }
            let second = try await store.active(atMost: 10)[0]
            #expect(second.threshold == 80 && second.max == 20_000_000_000)
            try await eventually { try harness.redis.hash("tollgate:user:a")["outbox"] == nil }
        }
    }

    @Test("an event without a reply of Redis is not sent again")
    func unknownOutcome() async throws {
        try await withServer(policy: Self.policy, adjust: { $0.deadline = .milliseconds(300) }) { harness in
            let store = harness.sidecar.stores.alerts
            let relay = OutboxRelay(store: store, logger: CapturedLog().logger)
            let running = RunningService(relay)
            harness.redis.freeze(true)
            relay.take([try denial(1)])
            // Longer than the deadline and the pause before another attempt.
            try await Task.sleep(for: .milliseconds(1_500))
            harness.redis.freeze(false)
            try await harness.waitForRedis()
            // A second event, behind the first.
            try await eventually {
                relay.take([try denial(2)])
                return (try? await store.denials.events(atMost: 10).items.contains { $0.event.at == 2 }) ?? false
            }
            await running.stop()
            let events = try await store.denials.events(atMost: 100).items.map(\.event.at)
            #expect(events.filter { $0 == 1 }.count == 1)
        }
    }

    @Test("repeated errors are logged once a minute, also with successes in between")
    func throttled() async throws {
        try await withServer(policy: Self.policy) { harness in
            let store = harness.sidecar.stores.alerts
            let log = CapturedLog()
            let relay = OutboxRelay(store: store, logger: log.logger)
            try harness.redis.cli("SET", "tollgate:{alerts}:events", "broken")
            let running = RunningService(relay)
            for number in 0..<20 { relay.take([try denial(Int64(number)), try pending(Int64(number))]) }
            await running.stop()
            let warnings = log.text.split(separator: "\n").filter { $0.contains("cannot be published") }
            #expect(warnings.count == 1, "\(warnings)")
            #expect(warnings.first?.contains("tollgate:{alerts}:events: wrong data type") == true)
        }
    }
}
