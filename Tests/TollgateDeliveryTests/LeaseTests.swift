import Testing
import TollgateCore
import TollgateTestSupport

@testable import TollgateDelivery
@testable import TollgateLedger
@testable import TollgateStores

@Suite("The lease of a receiver")
struct LeaseTests {
    @Test("two sidecars deliver each event once")
    func once() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with { receiver in
                try await harness.delivering([.webhook(receiver)]) {
                    try await harness.delivering([.webhook(receiver)]) {
                        for count in 1...50 { try await harness.open("user:u\(count)") }
                        try await eventually {
                            let report = try await harness.report("hook")
                            return report.pending == 0 && report.unread == 0
                        }
                    }
                }
                #expect(receiver.requests.count == 50)
                #expect(Set(receiver.deliveries).count == 50)
                #expect(receiver.deliveries == receiver.deliveries.sorted(by: StreamID.precedes))
            }
        }
    }

    @Test("after a graceful shutdown another sidecar takes over at once, including failed deliveries")
    func handedOver() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with({ _, _ in .status(500) }) { receiver in
                var timing = DeliveryHarness.timing
                timing.lease = .seconds(600)
                let first = try await harness.start([.webhook(receiver)], timing)
                let alert = try await harness.open()
                try await eventually { receiver.requests.count >= 2 }
                try await harness.delivering([.webhook(receiver)], timing) {
                    receiver.answer { _, _ in .status(200) }
                    await first.stop()
                    let second = try await harness.open("user:bob")
                    try await eventually { receiver.requests.contains { $0.alert == second.id } }
                    try await eventually { try await harness.report("hook").pending == 0 }
                }
                #expect(Set(receiver.requests.filter { $0.alert == alert.id }.compactMap(\.delivery)).count == 1)
            }
        }
    }

    @Test("the lease of a killed sidecar expires, and its pending deliveries are made")
    func gone() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with { receiver in
                let queue = DeliveryQueue(harness.store, receiver: "hook")
                try await queue.open(from: 0)
                let alert = try await harness.open()
                #expect(try await queue.lease(for: "gone", milliseconds: 700).lease == .acquired)
                #expect(try await queue.fresh(atMost: 10)?.count == 1)
                let now = try harness.now()
                let note = FailedDelivery(
                    alert: alert.id, event: "opened", attempts: 7, firstAt: now - 60_000, nextAt: now,
                    lastError: "status 500")
                let id = try #require(try await queue.pendingIDs().first)
                #expect(try await queue.note(note, of: id, by: "gone"))
                try await harness.delivering([.webhook(receiver)]) {
                    try await eventually { receiver.deliveries == [id] }
                    try await eventually { try await harness.report("hook").pending == 0 }
                    #expect(try await harness.report("hook").failing.isEmpty)
                }
            }
        }
    }

    @Test("the end of the lease aborts an attempt, which does not count as a failure of the receiver")
    func attemptUnderWay() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with({ _, _ in .silence }) { receiver in
                var timing = DeliveryHarness.timing
                timing.attempt = .seconds(300)
                timing.lease = .seconds(1)
                let queue = DeliveryQueue(harness.store, receiver: "hook")
                try await harness.delivering([.webhook(receiver)], timing) {
                    let alert = try await harness.open()
                    try await eventually { receiver.waitingCount == 1 }
                    // Another sidecar gets the lease, as after a loss of data.
                    try harness.redis.cli("SET", harness.store.keys.lease("hook"), "other", "PX", "60000")
                    try await eventually { receiver.waitingCount == 0 }
                    try harness.redis.cli("DEL", harness.store.keys.lease("hook"))
                    try await eventually { receiver.waitingCount == 1 }
                    // Without Redis, the sidecar cannot know which one has the lease.
                    harness.redis.freeze(true)
                    try await eventually { receiver.waitingCount == 0 }
                    #expect(receiver.requests.count == 2)
                    receiver.answer { _, _ in .status(200) }
                    harness.redis.freeze(false)
                    try await eventually(within: .seconds(40)) { try await harness.report("hook").pending == 0 }
                    #expect(receiver.requests.allSatisfy { $0.alert == alert.id })
                    #expect(try await queue.failures().deliveries.isEmpty)
                }
                #expect(!harness.log.text.contains("delivery of an alert failed"), "\(harness.log.text)")
            }
        }
    }

    @Test("one sidecar at a time has the lease, and writes by others are refused")
    func exclusive() async throws {
        try await DeliveryHarness.with { harness in
            let queue = DeliveryQueue(harness.store, receiver: "hook")
            try await queue.open(from: 0)
            let alert = try await harness.open()
            guard case .entry(let entry) = try await queue.fresh(atMost: 1)?.first else {
                throw TestFailure("no entry")
            }
            #expect(try await queue.lease(for: "a", milliseconds: 60_000).lease == .acquired)
            #expect(try await queue.lease(for: "b", milliseconds: 60_000).lease == .other)
            #expect(try await queue.lease(for: "b", milliseconds: 0).lease == .other)
            #expect(try await queue.lease(for: "a", milliseconds: 60_000).lease == .renewed)
            let note = FailedDelivery(
                alert: alert.id, event: "opened", attempts: 1, firstAt: 1, nextAt: 2, lastError: "x")
            #expect(try await !queue.note(note, of: entry.id, by: "b"))
            #expect(try await !queue.deadLetter(note, of: entry.id, by: "b"))
            #expect(try await queue.failures().deliveries.isEmpty)
            #expect(try await harness.report("hook").pending == 1)
            #expect(try await queue.deadLetter(note, of: entry.id, by: "a"))
            #expect(try await queue.deadLetter(note, of: entry.id, by: "a"))
            #expect(try await harness.report("hook").deadLetteredCount == 1, "dead-lettered once, however often")
            #expect(try await queue.lease(for: "a", milliseconds: 0).lease == .renewed)
            #expect(try await queue.lease(for: "b", milliseconds: 60_000).lease == .acquired)
        }
    }

    @Test("a pending entry displaced from the stream is dead-lettered with the reason")
    func trimmed() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with { receiver in
                let queue = DeliveryQueue(harness.store, receiver: "hook")
                try await queue.open(from: 0)
                try await harness.open()
                _ = try await queue.fresh(atMost: 1)
                try harness.redis.cli("XTRIM", harness.store.keys.deliveries, "MAXLEN", "0")
                try await harness.delivering([.webhook(receiver)]) {
                    try await eventually { try await harness.report("hook").deadLetteredCount == 1 }
                    #expect(
                        try await harness.report("hook").deadLettered.first?.failure.lastError
                            == "displaced from the stream by newer events")
                    #expect(try await harness.report("hook").pending == 0)
                }
                #expect(receiver.requests.isEmpty)
            }
        }
    }
}

extension DeliveryQueue {
    fileprivate func pendingIDs() async throws -> [String] {
        try await pending(after: "0", atMost: 10)?.compactMap {
            if case .entry(let entry) = $0 { entry.id } else { nil }
        } ?? []
    }
}
