import Foundation
import Testing
import TollgateCore
import TollgatePolicy
import TollgateStores
import TollgateTestSupport

@testable import TollgateDelivery
@testable import TollgateLedger

@Suite("Deliveries")
struct DeliveryTests {
    @Test("opening and resolving an alert are each delivered once to every receiver")
    func openedAndResolved() async throws {
        try await DeliveryHarness.with { harness in
            let (one, other) = (try await Receiver.start(), try await Receiver.start())
            try await harness.delivering([.webhook(one, name: "one"), .webhook(other, name: "other")]) {
                let alert = try await harness.open()
                try await harness.resolve(alert)
                for receiver in [one, other] {
                    try await eventually { receiver.requests.count == 2 }
                    #expect(receiver.requests.map { $0["event"] } == ["opened", "resolved"])
                    #expect(receiver.requests.allSatisfy { $0.alert == alert.id })
                    #expect(receiver.requests.allSatisfy { $0["delivery"] == $0.delivery })
                }
                for name in ["one", "other"] {
                    try await eventually {
                        let report = try await harness.report(name)
                        return report.pending == 0 && report.unread == 0 && report.failing.isEmpty
                    }
                }
            }
            #expect(one.requests.count == 2 && other.requests.count == 2)
            await one.stop()
            await other.stop()
        }
    }

    @Test("events written while no sidecar runs are delivered by the next; a new receiver gets no earlier events")
    func restarted() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with { receiver in
                let old = try await harness.open("user:old")
                try harness.redis.cli("DEL", harness.store.keys.deliveries)
                try harness.redis.cli(
                    "XADD", harness.store.keys.deliveries, "1-0", "event", "opened", "alert",
                    try CanonicalJSON.text(old))
                try await harness.delivering([.webhook(receiver)]) {}
                let alert = try await harness.open()
                try await harness.delivering([.webhook(receiver)]) {
                    try await eventually { receiver.requests.map(\.alert).contains(alert.id) }
                    try await eventually { try await harness.report("hook").pending == 0 }
                }
                #expect(!receiver.requests.map(\.alert).contains(old.id))
            }
        }
    }

    @Test(
        "a failed delivery is retried with the same id before later events of its alert; other alerts go on"
    )
    func order() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with { receiver in
                let stuck = try await harness.delivering([.webhook(receiver)]) {
                    let stuck = try await harness.open("user:stuck")
                    try await eventually { receiver.requests.count == 1 }
                    try await eventually { try await harness.report("hook").pending == 0 }
                    return stuck
                }
                receiver.answer { _, request in .status(request.alert == stuck.id ? 503 : 200) }
                try await harness.delivering([.webhook(receiver)]) {
                    try await harness.store.publish(.resolved(id: stuck.id, at: try harness.now(), reason: .reset))
                    let again = try await harness.open("user:stuck", threshold: 80)
                    let other = try await harness.open("user:other")
                    try await eventually { receiver.requests.contains { $0.alert == other.id } }
                    try await eventually { receiver.requests.contains { $0.alert == again.id } }
                    try await eventually { receiver.requests.count { $0.alert == stuck.id } >= 4 }
                    let report = try await harness.report("hook")
                    #expect(report.failing.map(\.failure.alert) == [stuck.id])
                    #expect(report.failing.first?.failure.lastError == "status 503")
                    receiver.answer { _, _ in .status(204) }
                    try await eventually { try await harness.report("hook").pending == 0 }
                    #expect(try await harness.report("hook").failing.isEmpty)
                }
                let ofStuck = receiver.requests.filter { $0.alert == stuck.id }
                #expect(Set(ofStuck.compactMap(\.delivery)).count == 2)
                #expect(ofStuck.map { $0["event"] }.first == "opened")
                #expect(ofStuck.dropFirst().allSatisfy { $0["event"] == "resolved" })
            }
        }
    }

    @Test("a pending resolution for Alertmanager precedes the next alert with the same labels")
    func orderOfLabels() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with { receiver in
                let address = try WebAddress(parsing: "http://127.0.0.1:\(receiver.port)")
                let alertReceiver = AlertReceiver(name: "pager", endpoint: .alertmanager(address))
                try await harness.delivering([alertReceiver]) {
                    let first = try await harness.open(threshold: 80)
                    try await eventually { try await harness.report("pager").pending == 0 }
                    receiver.answer { _, request in .status(request.body.contains("user:alice") ? 503 : 200) }
                    try await harness.resolve(first)
                    let second = try await harness.open(threshold: 80, at: try harness.now() + 1)
                    #expect(second.id != first.id)
                    let other = try await harness.open("user:bob")
                    try await eventually { receiver.requests.contains { $0.body.contains(other.id) } }
                    try await eventually { receiver.requests.count { $0.body.contains(first.id) } >= 4 }
                    #expect(!receiver.requests.contains { $0.body.contains(second.id) })
                    receiver.answer { _, _ in .status(200) }
                    try await eventually { try await harness.report("pager").pending == 0 }
                    #expect(receiver.requests.last?.body.contains(second.id) == true)
                    #expect(receiver.requests.count { $0.body.contains(second.id) } == 1)
                }
            }
        }
    }

    @Test("while the opening of an alert waits for a retry, its later events wait too")
    func behind() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with({ _, _ in .status(500) }) { receiver in
                try await harness.delivering([.webhook(receiver)]) {
                    let alert = try await harness.open()
                    try await harness.resolve(alert)
                    try await eventually { receiver.requests.count >= 5 }
                    #expect(receiver.requests.allSatisfy { $0["event"] == "opened" })
                    receiver.answer { _, _ in .status(200) }
                    try await eventually { receiver.requests.last?["event"] == "resolved" }
                    try await eventually { try await harness.report("hook").pending == 0 }
                }
                let events = receiver.requests.map { $0["event"] }
                #expect(events.count { $0 == "resolved" } == 1)
            }
        }
    }

    @Test("a receiver gets only events that match its filter")
    func filters() async throws {
        try await DeliveryHarness.with { harness in
            let critical = AlertReceiver.Filter(severities: [.critical])
            let cost = AlertReceiver.Filter(kinds: [try ScopeKind(parsing: "user+tool")], meters: [.cost])
            try await Receiver.with { one in
                try await Receiver.with { other in
                    try await harness.delivering([
                        .webhook(one, name: "one", filter: critical), .webhook(other, name: "other", filter: cost),
                    ]) {
                        let warning = try await harness.open("user:a", threshold: 80)
                        let exceeded = try await harness.open("user:b")
                        let tokens = try await harness.open("user:a+tool:t", .tokens)
                        let both = try await harness.open("user:c+tool:t", threshold: 80)
                        try await eventually { one.requests.count == 2 && other.requests.count == 1 }
                        for name in ["one", "other"] {
                            try await eventually { try await harness.report(name).pending == 0 }
                        }
                        #expect(one.requests.map(\.alert) == [exceeded.id, tokens.id])
                        #expect(other.requests.map(\.alert) == [both.id])
                        #expect(warning.severity == .warning)
                    }
                }
            }
        }
    }

    @Test(
        "at most 1000 events are read for a receiver that is down, and all are delivered when it is back")
    func bounded() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with({ _, _ in .status(503) }) { receiver in
                var timing = DeliveryHarness.timing
                timing.firstRetry = .seconds(2)
                timing.maxRetryDelay = .seconds(2)
                try await harness.delivering([.webhook(receiver)], timing) {
                    let now = try harness.now()
                    for count in 1...1_050 { try await harness.open("user:u\(count)", at: now) }
                    try await eventually(within: .seconds(60)) {
                        // A report about a thousand attempts is expensive.
                        try await Task.sleep(for: .milliseconds(250))
                        return try await harness.report("hook").pending == 1_000
                    }
                    #expect(try await harness.report("hook").unread == 50)
                    #expect(try await harness.report("hook").failing.count < 50, "one attempt is made for all")
                    receiver.answer { _, _ in .status(200) }
                    try await eventually(within: .seconds(60)) {
                        try await Task.sleep(for: .milliseconds(250))
                        let report = try await harness.report("hook")
                        return report.pending == 0 && report.unread == 0
                    }
                }
                #expect(Set(receiver.deliveries).count == 1_050)
            }
        }
    }

    @Test("a malformed entry is dead-lettered, and later ones are delivered")
    func unreadable() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with { receiver in
                try await harness.delivering([.webhook(receiver)]) {
                    try harness.redis.cli("XADD", harness.store.keys.deliveries, "*", "event", "opened", "alert", "{")
                    let alert = try await harness.open()
                    try await eventually { receiver.requests.map(\.alert) == [alert.id] }
                    try await eventually { try await harness.report("hook").pending == 0 }
                    let deadLettered = try #require(try await harness.report("hook").deadLettered.first)
                    #expect(deadLettered.failure.attempts == 0)
                    #expect(deadLettered.failure.lastError.contains("malformed entry"))
                }
            }
        }
    }

    @Test("after Redis is flushed or restarted empty, new events are delivered")
    func dataLost() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with { receiver in
                try await harness.delivering([.webhook(receiver)]) {
                    try await harness.open("user:a")
                    try await eventually { receiver.requests.count == 1 }
                    try harness.redis.cli("FLUSHALL")
                    let second = try await harness.open("user:b")
                    try await eventually { receiver.requests.last?.alert == second.id }
                    harness.redis.stop()
                    try await Task.sleep(for: .milliseconds(100))
                    try harness.redis.start()
                    try await eventually { (try? await harness.open("user:c")) != nil }
                    try await eventually { receiver.requests.last?.object?.description.contains("user:c") ?? false }
                }
            }
        }
    }
}
