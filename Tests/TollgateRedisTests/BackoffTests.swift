import Testing

@testable import TollgateRedis

@Suite("Waits between attempts")
struct BackoffTests {
    @Test("they double up to the longest")
    func doubling() {
        let backoff = Backoff(shortest: .milliseconds(50), longest: .milliseconds(700))
        let waits = [0, 1, 2, 3, 4, 5, 6, 1_000_000].map { backoff.delay(afterFailures: $0) }
        #expect(waits == [50, 50, 100, 200, 400, 700, 700, 700].map { .milliseconds($0) })
    }

    @Test("a share shortens them")
    func share() {
        let backoff = Backoff(shortest: .milliseconds(50), longest: .seconds(2))
        #expect(backoff.delay(afterFailures: 2, share: 0.5) == .milliseconds(50))
        #expect(backoff.delay(afterFailures: 9, share: 0) == .zero)
    }
}
