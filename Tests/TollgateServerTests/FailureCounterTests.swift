import Testing

@testable import TollgateServer

@Suite struct FailureCounterTests {
    @Test("failures are counted by address and minute, for a bounded number of addresses")
    func counter() {
        var counter = FailureCounter(max: 10)
        for _ in 0..<10 { #expect(counter.note("a", atSecond: 61) == .counted) }
        #expect(counter.note("a", atSecond: 90) == .firstRefused(retryAfter: 30))
        #expect(counter.note("a", atSecond: 119) == .refused(retryAfter: 1))
        #expect(counter.note("b", atSecond: 119) == .counted)
        #expect(counter.note("a", atSecond: 120) == .counted)
        for address in 0..<FailureCounter.maxAddresses - 1 { _ = counter.note("\(address)", atSecond: 121) }
        for _ in 0..<10 { #expect(counter.note("one too many", atSecond: 122) == .counted) }
        #expect(counter.note("another one too many", atSecond: 123) == .firstRefused(retryAfter: 57))
    }
}
