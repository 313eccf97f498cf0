import Foundation
import Testing
import TollgateCore
import TollgatePolicy
import TollgateStores
import TollgateTestSupport

@testable import TollgateDelivery
@testable import TollgateLedger

@Suite("Test messages")
struct TestMessageTests {
    @Test("a test message is signed, says that it is a test, and changes neither alerts nor deliveries")
    func webhook() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with({ _, _ in .status(202) }) { receiver in
                let alertReceiver = try AlertReceiver.webhook(receiver, secret: "s3cr3t-s3cr3t-s3cr3t")
                let outcome = await harness.delivery(AlertReceivers([alertReceiver])).test(alertReceiver)
                #expect(outcome.failure == nil && outcome.status == 202)
                #expect(outcome.duration > .zero && outcome.duration < .seconds(10))
                let request = try #require(receiver.requests.first)
                #expect(receiver.requests.count == 1)
                #expect(request.object?["test"] as? Bool == true)
                #expect(request["event"] == "opened")
                #expect(request.delivery == request["delivery"] && request.delivery?.hasPrefix("test-") == true)
                let header = try #require(request.headers["tollgate-signature"])
                let seconds = try #require(Int64(header.dropFirst(2).prefix { $0 != "," }))
                #expect(header == Signature.text(of: request.body, at: seconds, secret: "s3cr3t-s3cr3t-s3cr3t"))
                #expect(try harness.redis.cli("EXISTS", harness.store.keys.deliveries) == "0")
                #expect(try await harness.store.alerts(atMost: 10).items.isEmpty)
                let id = try #require(request.alert)
                #expect(try await harness.store.alert(id) == nil)
            }
        }
    }

    @Test("every type of receivers shows that the message is a test")
    func types() async throws {
        try await DeliveryHarness.with { harness in
            try await Receiver.with { receiver in
                let address = try WebAddress(parsing: "http://127.0.0.1:\(receiver.port)")
                let delivery = harness.delivery(AlertReceivers([]))
                for endpoint in [AlertReceiver.Endpoint.slack(address), .alertmanager(address)] {
                    #expect(await delivery.test(AlertReceiver(name: "x", endpoint: endpoint)).status == 200)
                }
                #expect(receiver.requests[0]["text"]?.hasPrefix("🔔 Test message, no alert is open: user:") == true)
                let list = try JSONSerialization.jsonObject(with: Data(receiver.requests[1].body.utf8))
                let labels = try #require((list as? [[String: Any]])?.first?["labels"] as? [String: String])
                #expect(labels["alertname"] == "TollgateTest" && labels["test"] == "true")
                #expect(receiver.requests[1].path == "/api/v2/alerts")
                for endpoint in [AlertReceiver.Endpoint.log, .pubsub(channel: "c")] {
                    let outcome = await delivery.test(AlertReceiver(name: "x", endpoint: endpoint))
                    #expect(outcome.failure == nil && outcome.status == nil)
                }
                #expect(harness.log.text.contains("notice alert test: Test message, no alert is open: user:"))
            }
        }
    }

    @Test("a test message that is not delivered has a reason, within the timeout of an attempt")
    func failures() async throws {
        try await DeliveryHarness.with { harness in
            var timing = DeliveryHarness.timing
            timing.attempt = .milliseconds(300)
            let delivery = harness.delivery(AlertReceivers([]), timing)
            let scripts: [(Receiver.Script, String, Int?)] = [
                ({ _, _ in .status(503) }, "status 503", 503),
                ({ _, _ in .silence }, "no response within 300 ms", nil),
                ({ _, _ in .status(301) }, "status 301: redirects are not followed", 301),
            ]
            for (script, reason, status) in scripts {
                try await Receiver.with(script) { receiver in
                    let outcome = await delivery.test(try .webhook(receiver))
                    #expect(outcome.failure == reason && outcome.status == status)
                    #expect(receiver.requests.count == 1, "it is not retried")
                }
            }
            #expect(try harness.redis.cli("EXISTS", "tollgate:{alerts}:attempts:hook") == "0")
        }
    }
}
