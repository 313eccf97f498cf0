import Foundation
import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateDelivery
@testable import TollgateLedger
@testable import TollgateStores

@Suite("Events that are not delivered")
struct LostEventTests {
    @Test("events dropped from the stream before they were read are logged and dead-lettered, once")
    func missed() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with { receiver in
                try await harness.delivering([.webhook(receiver)]) {
                    try await harness.open("user:before")
                    try await eventually { receiver.requests.count == 1 }
                    try await eventually { try await harness.report("hook").pending == 0 }
                }
                for count in 1...5 { try await harness.open("user:u\(count)") }
                try harness.redis.cli("XTRIM", harness.store.keys.deliveries, "MAXLEN", "2")
                for _ in 1...2 {
                    try await harness.delivering([.webhook(receiver)]) {
                        try await eventually { receiver.requests.count == 3 }
                        try await eventually { try await harness.report("hook").unread == 0 }
                        let report = try await harness.report("hook")
                        #expect(
                            report.deadLettered.map(\.failure.lastError) == [
                                "3 events were dropped from the stream before they could be delivered"
                            ])
                    }
                }
                let lines = harness.log.text.split(separator: "\n").filter { $0.contains("dropped from the stream") }
                #expect(lines.count == 1 && lines[0].hasPrefix("error ") && lines[0].contains("count=3"), "\(lines)")
            }
        }
    }

    @Test("events that are a day old when first read, as after weeks without the receiver, are dead-lettered")
    func old() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with { receiver in
                try await DeliveryQueue(harness.store, receiver: "hook").open(from: 0)
                let old = try await harness.open("user:old")
                try harness.redis.cli("DEL", harness.store.keys.deliveries)
                try await DeliveryQueue(harness.store, receiver: "hook").open(from: 0)
                try harness.redis.cli(
                    "XADD", harness.store.keys.deliveries, "\(try harness.now() - 90_000_000)-0", "event", "opened",
                    "alert", try CanonicalJSON.text(old))
                let new = try await harness.open("user:new")
                try await harness.delivering([.webhook(receiver)]) {
                    try await eventually { receiver.requests.map(\.alert) == [new.id] }
                    try await eventually { try await harness.report("hook").pending == 0 }
                    let deadLettered = try await harness.report("hook").deadLettered
                    #expect(deadLettered.map(\.failure.alert) == [old.id])
                    #expect(deadLettered.first?.failure.lastError == "more than 24 hours old when it was read")
                }
                try await eventually { harness.log.text.contains("dead-lettered events that are too old to deliver") }
            }
        }
    }

    @Test("a failed delivery whose receiver was removed for days is dead-lettered")
    func oldAttempts() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with { receiver in
                let queue = DeliveryQueue(harness.store, receiver: "hook")
                let old = try await harness.open("user:old")
                try harness.redis.cli("DEL", harness.store.keys.deliveries)
                try await queue.open(from: 0)
                let now = try harness.now()
                var ids: [String] = []
                for (event, hours) in [("opened", 50), ("resolved", 40)] as [(String, Int64)] {
                    ids.append("\(now - hours * 3_600_000)-0")
                    try harness.redis.cli(
                        "XADD", harness.store.keys.deliveries, ids.last ?? "", "event", event, "alert",
                        try CanonicalJSON.text(old))
                    if event == "opened" { #expect(try await queue.fresh(atMost: 10)?.count == 1) }
                }
                let note = FailedDelivery(
                    alert: old.id, event: "opened", attempts: 7, firstAt: now - 49 * 3_600_000, nextAt: now,
                    lastError: "status 503")
                _ = try await queue.lease(for: "gone", milliseconds: 60_000)
                #expect(try await queue.note(note, of: ids[0], by: "gone"))
                _ = try await queue.lease(for: "gone", milliseconds: 0)
                try await harness.delivering([.webhook(receiver)]) {
                    try await eventually { try await harness.report("hook").deadLetteredCount == 2 }
                    #expect(try await harness.report("hook").pending == 0)
                    let deadLettered = try await harness.report("hook").deadLettered
                    #expect(deadLettered.map(\.delivery) == ids.reversed())
                    #expect(deadLettered.map(\.failure.attempts) == [0, 7])
                    #expect(deadLettered.last?.failure.lastError == "more than 24 hours old when it was read")
                }
                #expect(receiver.requests.isEmpty)
            }
        }
    }

    @Test("a deleted consumer group is created again and logged")
    func groupGone() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with { receiver in
                try await harness.delivering([.webhook(receiver)]) {
                    try await harness.open("user:a")
                    try await eventually {
                        try await harness.report("hook").pending == 0 && receiver.requests.count == 1
                    }
                    try harness.redis.cli("XGROUP", "DESTROY", harness.store.keys.deliveries, "hook")
                    try await eventually { receiver.requests.count == 2 }
                    let lines = harness.log.text.split(separator: "\n").filter { $0.contains("consumer group") }
                    #expect(lines.count == 1 && lines[0].hasPrefix("warning ") && lines[0].contains("receiver=hook"))
                }
            }
        }
    }
}
