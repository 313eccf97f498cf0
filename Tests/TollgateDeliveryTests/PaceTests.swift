import Foundation
import Testing
import TollgateCore
import TollgateStores
import TollgateTestSupport

@testable import TollgateDelivery
@testable import TollgateLedger

@Suite("The pace of attempts at a failing receiver")
struct PaceTests {
    @Test(
        "Retry-After of a failing receiver holds back all events; a refused event does not"
    )
    func leftAlone() async throws {
        try await DeliveryHarness.with { harness in
            let busy = try await Receiver.start { _, _ in .status(429, headers: [("Retry-After", "3600")]) }
            let strict = try await Receiver.start { _, _ in .status(422, headers: [("Retry-After", "3600")]) }
            let broken = try await Receiver.start { _, _ in .status(500) }
            var timing = DeliveryHarness.timing
            timing.firstRetry = .seconds(600)
            timing.maxRetryDelay = .seconds(600)
            let receivers: [AlertReceiver] = try [
                .webhook(busy, name: "busy"), .webhook(strict, name: "strict"), .webhook(broken, name: "broken"),
            ]
            try await harness.delivering(receivers, timing) {
                for count in 1...30 { try await harness.open("user:u\(count)") }
                for name in ["busy", "strict", "broken"] {
                    try await eventually { try await harness.report(name).pending == 30 }
                }
                try await eventually { strict.requests.count == 30 }
                try await Task.sleep(for: .milliseconds(300))
                #expect(busy.requests.count == 1)
                #expect(broken.requests.count == 1)
            }
            for receiver in [busy, strict, broken] { await receiver.stop() }
        }
    }

    @Test("the reported time of the next attempt includes the outage of the receiver")
    func next() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with({ _, _ in .status(503) }) { receiver in
                try await harness.delivering([.webhook(receiver)]) {
                    for scope in ["user:a", "user:b"] { try await harness.open(scope) }
                    try await eventually { try await harness.report("hook").failing.count == 2 }
                    let before = try await harness.report("hook")
                    receiver.answer { _, _ in .status(429, headers: [("Retry-After", "3600")]) }
                    try await eventually {
                        try await harness.report("hook").failing.contains { $0.failure.lastError == "status 429" }
                    }
                    let (report, now) = (try await harness.report("hook"), try harness.now())
                    #expect(report.failing.map(\.failure.lastError).sorted() == ["status 429", "status 503"])
                    #expect(report.failing.allSatisfy { $0.failure.nextAt > now + 3_500_000 })
                    #expect(report.outage?.since == before.outage?.since && report.outage?.since ?? 0 > 0)
                    #expect(report.outage?.notBefore == report.failing.map(\.failure.nextAt).min())
                }
            }
        }
    }

    @Test("after a long outage all waiting deliveries are dead-lettered, even if they were never tried")
    func downForLong() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with({ _, _ in .status(503) }) { receiver in
                var timing = DeliveryHarness.timing
                timing.deadLetterAfter = .seconds(1)
                timing.firstRetry = .seconds(1)
                timing.maxRetryDelay = .seconds(1)
                try await harness.delivering([.webhook(receiver)], timing) {
                    for count in 1...20 { try await harness.open("user:u\(count)") }
                    try await eventually(within: .seconds(40)) {
                        try await harness.report("hook").deadLetteredCount == 20
                    }
                    #expect(try await harness.report("hook").pending == 0)
                }
                #expect(receiver.requests.count < 20)
            }
        }
    }
}
