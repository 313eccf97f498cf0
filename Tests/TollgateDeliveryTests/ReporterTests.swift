import Testing
import TollgateTestSupport

@testable import TollgateDelivery
@testable import TollgateLedger
@testable import TollgateStores

@Suite("What the log says of deliveries")
struct ReporterTests {
    private let log = CapturedLog()

    private var warnings: [Substring] { log.text.split(separator: "\n").filter { $0.hasPrefix("warning ") } }

    @Test("that Redis does not answer is said once for all receivers, in a sentence, and again after it has answered")
    func outage() {
        let redis = RedisReporter(logger: log.logger)
        var reporters = (1...5).map { DeliveryReporter(receiver: "h\($0)", redis: redis, logger: log.logger) }
        func fail(_ error: StoreError) {
            for index in reporters.indices { reporters[index].storeFailed(error) }
        }
        fail(.unavailable("no reply of Redis within 250 ms"))
        fail(.unavailable("no reply of Redis within 250 ms"))
        #expect(warnings == ["warning alerts cannot be delivered for now: no reply of Redis within 250 ms"])
        for index in reporters.indices { reporters[index].storeAnswers() }
        fail(.unavailable("not connected to Redis"))
        #expect(warnings.count == 1, "the links say so")
        for index in reporters.indices { reporters[index].storeAnswers() }
        fail(.unknownOutcome("no reply of Redis within 250 ms"))
        #expect(warnings.count == 2)
        #expect(
            warnings.last?.hasSuffix("no reply of Redis within 250 ms; whether the change was made is not known")
                == true)
    }

    @Test("what is wrong with a key of one receiver is said of that receiver, once")
    func corrupt() {
        let redis = RedisReporter(logger: log.logger)
        var reporters = ["a", "b"].map { DeliveryReporter(receiver: $0, redis: redis, logger: log.logger) }
        for _ in 1...2 {
            for index in reporters.indices { reporters[index].storeFailed(.corrupt("key\(index): is of another type")) }
        }
        #expect(
            warnings == [
                "warning alerts cannot be delivered for now: key0: is of another type receiver=a",
                "warning alerts cannot be delivered for now: key1: is of another type receiver=b",
            ])
    }
}
