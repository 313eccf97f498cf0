import Foundation
import Testing
import TollgateCore
import TollgateStores
import TollgateTestSupport

@testable import TollgateDelivery
@testable import TollgateLedger

@Suite("Retries that an administrator requests")
struct RequestedRetryTests {
    /// The first failure of a delivery is its last.
    private static var impatient: Timing {
        var timing = DeliveryHarness.timing
        timing.deadLetterAfter = .zero
        return timing
    }

    @Test("failed deliveries are tried at once, also if the receiver as a whole is failing")
    func failing() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with({ _, _ in .status(503) }) { receiver in
                var timing = DeliveryHarness.timing
                (timing.firstRetry, timing.maxRetryDelay) = (.seconds(3_600), .seconds(3_600))
                try await harness.delivering([.webhook(receiver)], timing) {
                    let alerts = [try await harness.open("user:a"), try await harness.open("user:b")]
                    try await eventually { try await harness.report("hook").pending == 2 }
                    try await eventually { try await harness.report("hook").outage != nil }
                    try await eventually { receiver.requests.count == 1 }
                    receiver.answer { _, _ in .status(200) }
                    let retry = try await DeliveryQueue(harness.store, receiver: "hook").retry()
                    #expect(retry == DeliveryRetry(retried: 1))
                    try await eventually { try await harness.report("hook").pending == 0 }
                    #expect(receiver.requests.map(\.alert) == [alerts[0].id, alerts[0].id, alerts[1].id])
                    #expect(try await harness.report("hook").outage == nil)
                }
            }
        }
    }

    @Test("dead-lettered deliveries are sent again in their order, once each, and to no other receiver")
    func deadLetters() async throws {
        try await DeliveryHarness.with { harness in
            let other = try await Receiver.start()
            try await Receiver.with({ _, _ in .status(500) }) { receiver in
                let receivers = [
                    try AlertReceiver.webhook(receiver), try .webhook(other, name: "other"),
                ]
                try await harness.delivering(receivers, Self.impatient) {
                    for count in 1...5 { try await harness.open("user:u\(count)") }
                    try await eventually { try await harness.report("hook").deadLetteredCount == 5 }
                    let ids = try await harness.report("hook").deadLettered.map(\.delivery).reversed()
                    let tried = receiver.requests.count
                    receiver.answer { _, _ in .status(200) }
                    let queue = DeliveryQueue(harness.store, receiver: "hook")
                    #expect(try await queue.retry() == DeliveryRetry(requeued: 5))
                    try await eventually { receiver.requests.count == tried + 5 }
                    #expect(receiver.deliveries.suffix(5) == Array(ids))
                    try await eventually { try await harness.report("hook").pending == 0 }
                    let report = try await harness.report("hook")
                    #expect(report.deadLetteredCount == 0 && report.failingCount == 0)
                    #expect(try await queue.retry() == DeliveryRetry())
                    try await eventually { try await harness.report("other").pending == 0 }
                }
                #expect(other.requests.count == 5)
            }
            await other.stop()
        }
    }

    @Test("Alertmanager gets an alert that was resolved before its retry as one that has ended")
    func resolvedMeanwhile() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with({ _, _ in .status(400) }) { receiver in
                let address = try WebAddress(parsing: "http://127.0.0.1:\(receiver.port)")
                let pager = AlertReceiver(name: "pager", endpoint: .alertmanager(address))
                let alert = try await harness.open()
                let queue = DeliveryQueue(harness.store, receiver: "pager")
                try await queue.open(from: 0)
                try await harness.delivering([pager], Self.impatient) {
                    try await eventually { try await harness.report("pager").deadLetteredCount == 1 }
                    receiver.answer { _, _ in .status(200) }
                    try await harness.resolve(alert)
                    try await eventually { receiver.requests.count == 2 }
                    #expect(try await queue.retry().requeued == 1)
                    try await eventually { receiver.requests.count == 3 }
                    try await eventually { try await harness.report("pager").pending == 0 }
                }
                func end(_ request: Receiver.Request) throws -> String {
                    let list = try JSONSerialization.jsonObject(with: Data(request.body.utf8))
                    return try #require((list as? [[String: Any]])?.first?["endsAt"] as? String)
                }
                let ends = try receiver.requests.map(end)
                #expect(ends[0] > ends[1], "the first attempt was before the end")
                #expect(ends[2] == ends[1])
            }
        }
    }

    @Test("a requeued delivery that is days old is tried, and dead-lettered again only after further failures")
    func old() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with { receiver in
                let queue = DeliveryQueue(harness.store, receiver: "hook")
                let alert = try await harness.open()
                let key = harness.store.keys.deliveries
                let entry = try harness.redis.cli("XRANGE", key, "-", "+").split(separator: "\n").map(String.init)
                try harness.redis.cli("DEL", key)
                try harness.redis.cli(["XADD", key, "1-0"] + entry.dropFirst())
                try await queue.open(from: 0)
                _ = try await queue.fresh(atMost: 1)
                _ = try await queue.lease(for: "gone", milliseconds: 60_000)
                let failure = FailedDelivery(
                    alert: alert.id, event: "opened", attempts: 7, firstAt: 1, nextAt: 2, lastError: #"a "b" \ 5"#)
                #expect(try await queue.deadLetter(failure, of: "1-0", by: "gone"))
                _ = try await queue.lease(for: "gone", milliseconds: 0)
                #expect(try await queue.retry().requeued == 1)
                let stored = try #require(try await queue.failures().deliveries["1-0"])
                #expect(stored.attempts == 7 && stored.lastError == failure.lastError && stored.alert == alert.id)
                let now = try harness.now()
                #expect(abs(stored.firstAt - now) < 60_000 && stored.nextAt == stored.firstAt)
                try await harness.delivering([.webhook(receiver)]) {
                    try await eventually { receiver.deliveries == ["1-0"] }
                    try await eventually { try await harness.report("hook").pending == 0 }
                }
            }
        }
    }

    @Test("concurrent retries of a long dead-letter stream queue each delivery once and lose none")
    func concurrent() async throws {
        try await DeliveryHarness.with { harness in
            let queue = DeliveryQueue(harness.store, receiver: "hook")
            try await queue.open(from: 0)
            let alert = try await harness.open()
            let entry = try harness.redis.cli("XRANGE", harness.store.keys.deliveries, "-", "+").split(separator: "\n")
            let fill = """
                for i = 1, 349 do redis.call('XADD', KEYS[1], '*', 'event', 'opened', 'alert', ARGV[1]) end
                """
            try harness.redis.cli("EVAL", fill, "1", harness.store.keys.deliveries, String(entry[4]))
            _ = try await queue.lease(for: "a", milliseconds: 600_000)
            let items = try #require(try await queue.fresh(atMost: 1_000))
            #expect(items.count == 350)
            let failure = FailedDelivery(
                alert: alert.id, event: "opened", attempts: 1, firstAt: 1, nextAt: 2, lastError: "x")
            for item in items { #expect(try await queue.deadLetter(failure, of: item.id, by: "a")) }
            #expect(try await harness.report("hook").pending == 0)
            let counts = try await withThrowingTaskGroup(of: DeliveryRetry.self) { group in
                for _ in 1...3 { group.addTask { try await queue.retry() } }
                return try await group.reduce(into: 0) { $0 += $1.requeued }
            }
            #expect(counts == 350)
            let report = try await harness.report("hook")
            #expect(report.pending == 350 && report.deadLetteredCount == 0 && report.failingCount == 350)
            let pending = try await queue.pending(after: "0", atMost: 1_000)
            #expect(pending?.map(\.id) == items.map(\.id), "in the order of the stream")
        }
    }

    @Test("a dead letter whose event is gone stays, and a receiver without deliveries has none to retry")
    func gone() async throws {
        try await DeliveryHarness.with { harness in
            let queue = DeliveryQueue(harness.store, receiver: "hook")
            #expect(try await queue.retry() == DeliveryRetry())
            try await queue.open(from: 0)
            let alert = try await harness.open()
            _ = try await queue.lease(for: "a", milliseconds: 60_000)
            let id = try #require(try await queue.fresh(atMost: 1)?.first?.id)
            let failure = FailedDelivery(
                alert: alert.id, event: "opened", attempts: 1, firstAt: 1, nextAt: 2, lastError: "x")
            #expect(try await queue.deadLetter(failure, of: id, by: "a"))
            try harness.redis.cli("XTRIM", harness.store.keys.deliveries, "MAXLEN", "0")
            #expect(try await queue.retry() == DeliveryRetry(unavailable: 1))
            let report = try await harness.report("hook")
            #expect(report.deadLetteredCount == 1 && report.pending == 0 && report.failingCount == 0)
        }
    }
}
