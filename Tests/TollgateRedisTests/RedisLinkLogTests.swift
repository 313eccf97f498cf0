import Testing

@testable import TollgateRedis

/// The state of several links as one.
@Suite struct RedisLinkLogTests {
    private final class Link {}

    private enum Event {
        case connected(Int)
        case failed(Int, RedisOutage)
        case closed(Int)
    }

    /// Returns which of the events are worth a line.
    private func lines(_ events: [Event]) -> [Bool] {
        let links = (0..<3).map { _ in Link() }
        var state = RedisLinkLogState()
        return withExtendedLifetime(links) {
            events.map { event in
                switch event {
                case .connected(let link): return state.connected(ObjectIdentifier(links[link]))
                case .failed(let link, let outage): return state.failed(ObjectIdentifier(links[link]), outage)
                case .closed(let link):
                    state.closed(ObjectIdentifier(links[link]))
                    return false
                }
            }
        }
    }

    @Test("several links are logged as connected once, and again only after an outage of all of them has ended")
    func connecting() {
        let outage = RedisOutage("connection closed")
        #expect(lines([.connected(0), .connected(1), .connected(2)]) == [true, false, false])
        #expect(
            lines([
                .connected(0), .connected(1), .failed(1, outage), .failed(0, outage), .failed(1, outage), .connected(1),
                .connected(0),
            ]) == [true, false, true, false, false, false, true])
    }

    @Test("an outage that needs an operator is logged once, even during another outage")
    func operatorNeeded() {
        let (outage, refusal) = (RedisOutage("connection refused"), RedisOutage("WRONGPASS", isRefusal: true))
        #expect(
            lines([
                .failed(0, outage), .failed(1, refusal), .failed(0, outage), .failed(1, refusal), .closed(1),
                .connected(0), .failed(0, refusal),
            ]) == [true, true, false, false, false, true, true])
    }
}
