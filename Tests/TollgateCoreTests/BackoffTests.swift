import Testing

@testable import TollgateCore

@Suite("Exponential backoff")
struct BackoffTests {
    @Test("delays double up to the maximum")
    func doubling() {
        let backoff = Backoff(minDelay: .milliseconds(50), maxDelay: .milliseconds(700))
        let delays = [0, 1, 2, 3, 4, 5, 6, 1_000_000].map { backoff.delay(afterFailures: $0) }
        #expect(delays == [50, 50, 100, 200, 400, 700, 700, 700].map { .milliseconds($0) })
    }

    @Test("jitter shortens delays")
    func share() {
        let backoff = Backoff(minDelay: .milliseconds(50), maxDelay: .seconds(2))
        #expect(backoff.delay(afterFailures: 2, jitter: 0.5) == .milliseconds(50))
        #expect(backoff.delay(afterFailures: 9, jitter: 0) == .zero)
    }
}
