import Foundation
import Testing
import TollgateCore

@testable import TollgateDelivery
@testable import TollgateLedger
@testable import TollgateStores

@Suite("The retry rule")
struct RetryRuleTests {
    private static let hour: Int64 = 3_600_000
    private let rule = RetryRule(timing: Timing())

    private func entry() throws -> AlertEntry {
        let alert = Alert(
            scope: try Scope(parsing: "user:alice"), meter: .cost, period: .day, threshold: 80, max: 10, used: 9,
            source: "tier:a", periodID: "2026-11-20", endsAt: 5, openedAt: 1)
        return AlertEntry(id: "1-0", event: .opened, alert: alert)
    }

    /// Returns the delays between attempts that fail at once, in ms, and the time of dead-lettering.
    private func waits(_ failure: DeliveryFailure, share: Double = 1, most: Int = 10_000) throws -> (
        waits: [Int64], deadLetteredAt: Int64?
    ) {
        var now: Int64 = 1_000_000
        var earlier: FailedDelivery?
        var waits: [Int64] = []
        while waits.count < most {
            let step = rule.step(
                after: failure, of: try entry(), earlier: earlier, begun: now, now: now, share: share)
            switch step {
            case .retry(let note):
                #expect(note.attempts == waits.count + 1)
                #expect(note.firstAt == 1_000_000)
                waits.append(note.nextAt - now)
                now = note.nextAt
                earlier = note
            case .deadLetter(let note):
                #expect(note.lastError == failure.sentence)
                return (waits, now)
            }
        }
        return (waits, nil)
    }

    @Test("delays double up to five minutes, and after 24 hours a delivery is dead-lettered")
    func backoff() throws {
        let (waits, deadLetteredAt) = try waits(.init(sentence: "status 503"))
        #expect(Array(waits.prefix(10)) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300].map { $0 * 1_000 })
        #expect(waits.dropFirst(9).dropLast().allSatisfy { $0 == 300_000 })
        #expect(deadLetteredAt == 1_000_000 + 24 * Self.hour)
        #expect((288...300).contains(waits.count))
    }

    @Test("the share of the delay varies, so that retries spread")
    func jitter() throws {
        let (waits, _) = try waits(.init(sentence: "status 503"), share: 0.5, most: 12)
        #expect(Array(waits.prefix(3)) == [500, 1_000, 2_000])
        #expect(waits.last == 150_000)
    }

    @Test("permanent failures are retried at the maximum delay for 24 hours")
    func permanent() throws {
        let (waits, deadLetteredAt) = try waits(.init(sentence: "status 401", isPermanent: true))
        #expect(waits.allSatisfy { $0 == 300_000 })
        #expect(deadLetteredAt == 1_000_000 + 24 * Self.hour)
    }

    @Test("Retry-After makes a delay longer, never shorter, and an hour at most")
    func retryAfter() throws {
        let cases: [(Duration, Int64)] = [
            (.seconds(0), 1_000), (.seconds(30), 30_000), (.seconds(3_600), 3_600_000), (.seconds(90_000), 3_600_000),
        ]
        for (asked, wait) in cases {
            let failure = DeliveryFailure(sentence: "status 429", retryAfter: asked)
            #expect(try waits(failure, most: 1).waits == [wait])
        }
    }

    @Test("an outage increases the delay of a receiver; a refused event does not")
    func outage() throws {
        func next(_ failure: DeliveryFailure, after earlier: ReceiverOutage?, now: Int64) -> ReceiverOutage? {
            rule.outage(after: failure, earlier: earlier, begun: now - 5, now: now, share: 1)
        }
        let broken = DeliveryFailure(sentence: "status 503")
        let first = try #require(next(broken, after: nil, now: 1_000))
        #expect(first == ReceiverOutage(failures: 1, since: 995, notBefore: 2_000))
        let second = try #require(next(broken, after: first, now: 2_000))
        #expect(second == ReceiverOutage(failures: 2, since: 995, notBefore: 4_000))
        let asked = DeliveryFailure(sentence: "status 429", retryAfter: .seconds(90_000))
        #expect(next(asked, after: second, now: 4_000)?.notBefore == 4_000 + Self.hour)
        #expect(next(.init(sentence: "status 400", isPermanent: true), after: second, now: 4_000) == nil)
    }

    @Test(
        "the longest overdue delivery is next, and later ones with its ordering key wait"
    )
    func waiting() throws {
        var waiting = WaitingDeliveries()
        #expect(waiting.next == nil)
        func add(_ id: String, _ alert: String, at now: Int64) throws {
            var entry = try entry()
            entry.id = id
            entry.alert.id = alert
            waiting.append(entry, order: alert, failure: nil, now: now)
        }
        try add("1-0", "a", at: 10)
        try add("2-0", "a", at: 10)
        try add("3-0", "b", at: 10)
        #expect(waiting.next?.entry.id == "1-0")
        let note = FailedDelivery(alert: "a", event: "opened", attempts: 1, firstAt: 10, nextAt: 500, lastError: "x")
        waiting.postpone("1-0", note)
        #expect(waiting.next?.entry.id == "3-0")
        waiting.remove("3-0")
        #expect(waiting.next?.entry.id == "1-0" && waiting.next?.dueAt == 500)
        #expect(waiting.next?.failure == note)
        try add("4-0", "c", at: 600)
        #expect(waiting.next?.entry.id == "1-0", "it has waited longer")
        waiting.remove("1-0")
        #expect(waiting.next?.entry.id == "2-0")
        #expect(waiting.room == WaitingDeliveries.capacity - 2)
    }
}

extension WaitingDeliveries.Delivery: Equatable {
    static func == (one: Self, other: Self) -> Bool { one.entry == other.entry && one.dueAt == other.dueAt }
}
