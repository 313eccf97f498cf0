import Testing
import TollgateTestSupport

@testable import TollgateDelivery
@testable import TollgateLedger
@testable import TollgateStores

@Suite("Log lines about deliveries")
struct ReporterTests {
    private let log = CapturedLog()

    private var warnings: [Substring] { log.text.split(separator: "\n").filter { $0.hasPrefix("warning ") } }

    @Test("an outage of Redis is logged once for all receivers, and again after a recovery")
    func outage() {
        let redis = RedisReporter(logger: log.logger)
        var reporters = (1...5).map {
            DeliveryReporter(receiver: "h\($0)", redis: redis, counts: DeliveryCounts(), logger: log.logger)
        }
        func fail(_ error: StoreError) {
            for index in reporters.indices { reporters[index].storeFailed(error) }
        }
        fail(.unavailable("no reply from Redis within 250 ms"))
        fail(.unavailable("no reply from Redis within 250 ms"))
        #expect(warnings == ["warning alerts cannot be delivered for now: no reply from Redis within 250 ms"])
        for index in reporters.indices { reporters[index].storeAnswers() }
        fail(.notConnected)
        #expect(warnings.count == 1, "the links say so")
        for index in reporters.indices { reporters[index].storeAnswers() }
        fail(.unknownOutcome("no reply from Redis within 250 ms"))
        #expect(warnings.count == 2)
        #expect(
            warnings.last?.hasSuffix("no reply from Redis within 250 ms; the outcome of the change is unknown")
                == true)
    }

    @Test("a malformed key of a receiver is logged once, with the receiver")
    func corrupt() {
        let redis = RedisReporter(logger: log.logger)
        var reporters = ["a", "b"].map {
            DeliveryReporter(receiver: $0, redis: redis, counts: DeliveryCounts(), logger: log.logger)
        }
        for _ in 1...2 {
            for index in reporters.indices { reporters[index].storeFailed(.corrupt("key\(index): wrong data type")) }
        }
        #expect(
            warnings == [
                "warning alerts cannot be delivered for now: key0: wrong data type receiver=a",
                "warning alerts cannot be delivered for now: key1: wrong data type receiver=b",
            ])
    }
}
