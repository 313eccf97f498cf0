import Foundation
import Testing
import TollgateCore
import TollgateStores
import TollgateTestSupport

@testable import TollgateDelivery
@testable import TollgateLedger

@Suite("Deliveries to a failing receiver")
struct FailingReceiverTests {
    @Test(
        "a receiver that is silent, hangs up, redirects or is down is retried, and delays no other")
    func faults() async throws {
        try await DeliveryHarness.with { harness in
            var timing = DeliveryHarness.timing
            timing.attempt = .milliseconds(300)
            let elsewhere = try await Receiver.start()
            let bad: [(String, String, Receiver.Script)] = [
                ("silent", "no response within 300 ms", { _, _ in .silence }),
                ("rude", "connection closed without a response", { _, _ in .hangUp }),
                (
                    "moved", "status 307: redirects are not followed",
                    { _, _ in .status(307, headers: [("Location", elsewhere.url)]) }
                ),
            ]
            var receivers: [Receiver] = []
            for fault in bad { receivers.append(try await Receiver.start(fault.2)) }
            let gone = try await Receiver.start()
            let alertReceivers =
                try zip(bad, receivers).map { try AlertReceiver.webhook($1, name: $0.0) } + [
                    .webhook(gone, name: "gone")
                ]
            await gone.stop()
            try await Receiver.with { good in
                try await harness.delivering(alertReceivers + [.webhook(good, name: "good")], timing) {
                    for count in 1...6 {
                        let alert = try await harness.open("user:u\(count)")
                        try await eventually(within: .seconds(10)) { good.requests.last?.alert == alert.id }
                    }
                    for (name, sentence) in bad.map({ ($0.0, $0.1) }) + [("gone", "connection refused")] {
                        try await eventually {
                            try await harness.report(name).failing.contains {
                                $0.failure.attempts > 1 && $0.failure.lastError == sentence
                            }
                        }
                    }
                    for (receiver, fault) in zip(receivers, bad) {
                        receiver.answer { _, _ in .status(200) }
                        try await eventually(within: .seconds(30)) {
                            try await harness.report(fault.0).pending == 0
                        }
                    }
                }
            }
            #expect(elsewhere.requests.isEmpty)
            for receiver in receivers + [elsewhere] { await receiver.stop() }
        }
    }

    @Test("receivers that hang do not delay another at the same host and port")
    func sameHost() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with({ _, request in request.body.contains("user:") ? .silence : .status(200) }) {
                receiver in
                var timing = DeliveryHarness.timing
                timing.attempt = .seconds(300)
                let users = AlertReceiver.Filter(kinds: [try ScopeKind(parsing: "user")])
                let tools = AlertReceiver.Filter(kinds: [try ScopeKind(parsing: "tool")])
                let count = AlertReceiver.maxReceivers - 1
                let hanging = try (1...count).map { try AlertReceiver.webhook(receiver, name: "h\($0)", filter: users) }
                try await harness.delivering(hanging + [.webhook(receiver, filter: tools)], timing) {
                    try await harness.open("user:alice")
                    try await eventually { receiver.waitingCount == count }
                    let alert = try await harness.open("tool:search")
                    try await eventually { receiver.requests.last?.alert == alert.id }
                }
            }
        }
    }

    @Test("a response with an endless body counts by its status, and delays nothing")
    func endlessBody() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with({ _, _ in .endlessBody }) { receiver in
                var timing = DeliveryHarness.timing
                timing.attempt = .seconds(300)
                try await harness.delivering([.webhook(receiver)], timing) {
                    for scope in ["user:a", "user:b"] { try await harness.open(scope) }
                    try await eventually(within: .seconds(60)) {
                        try await harness.report("hook").pending == 0 && receiver.requests.count >= 2
                    }
                }
                #expect(Set(receiver.deliveries).count == 2)
            }
        }
    }

    @Test("Retry-After delays the retry")
    func retryAfter() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with({ number, _ in
                number == 1 ? .status(429, headers: [("Retry-After", "2")]) : .status(200)
            }) { receiver in
                try await harness.delivering([.webhook(receiver)]) {
                    try await harness.open()
                    try await eventually { receiver.requests.count == 2 }
                }
                #expect(receiver.requests[1].at - receiver.requests[0].at >= .milliseconds(1_900))
            }
        }
    }

    @Test("a delivery that fails for too long is dead-lettered and logged, and other alerts go on")
    func deadLettered() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with({ _, request in .status(request["event"] == "opened" ? 401 : 200) }) { receiver in
                var timing = DeliveryHarness.timing
                timing.deadLetterAfter = .milliseconds(500)
                try await harness.delivering([.webhook(receiver)], timing) {
                    let alert = try await harness.open()
                    try await harness.resolve(alert)
                    try await eventually { try await harness.report("hook").deadLetteredCount == 1 }
                    try await eventually { receiver.requests.last?["event"] == "resolved" }
                    try await eventually { try await harness.report("hook").pending == 0 }
                    let report = try await harness.report("hook")
                    let deadLettered = try #require(report.deadLettered.first)
                    #expect(deadLettered.failure.alert == alert.id && deadLettered.failure.event == "opened")
                    #expect(deadLettered.failure.lastError == "status 401")
                    #expect(deadLettered.failure.attempts == receiver.requests.count - 1)
                    #expect(deadLettered.deadLetteredAt >= deadLettered.failure.firstAt + 500)
                    #expect(deadLettered.delivery == receiver.deliveries.first)
                    #expect(report.failing.isEmpty)
                }
                try await eventually {
                    harness.log.text.contains("error delivery of an alert failed and was dead-lettered")
                }
            }
        }
    }

    @Test("the number and time of attempts and the delay survive a restart")
    func attemptsSurvive() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with({ _, _ in .status(503, headers: [("Retry-After", "3600")]) }) { receiver in
                try await harness.delivering([.webhook(receiver)]) {
                    try await harness.open()
                    try await eventually { try await harness.report("hook").failing.count == 1 }
                }
                let before = try await harness.report("hook").failing
                try await harness.delivering([.webhook(receiver)]) {
                    try await harness.open("user:bob")
                    try await eventually { try await harness.report("hook").pending == 2 }
                    try await Task.sleep(for: .milliseconds(500))
                    #expect(try await harness.report("hook").failing == before)
                }
                #expect(receiver.requests.count == 1, "it has asked to be left alone")
            }
        }
    }

    @Test("the log reports the recovery when no failed delivery waits any more")
    func again() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with({ _, request in .status(request.body.contains("user:stuck") ? 400 : 200) }) {
                receiver in
                try await harness.delivering([.webhook(receiver)]) {
                    try await harness.open("user:stuck")
                    try await eventually { receiver.requests.count >= 2 }
                    let other = try await harness.open("user:other")
                    try await eventually { receiver.requests.contains { $0.alert == other.id } }
                    try await eventually { try await harness.report("hook").pending == 1 }
                    #expect(!harness.log.text.contains("delivered again"))
                    receiver.answer { _, _ in .status(200) }
                    try await eventually { harness.log.text.contains("delivered again") }
                }
            }
        }
    }
}
