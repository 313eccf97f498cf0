import Testing
import TollgateCore

/// Tests that the checker accepts exactly the possible histories.
@Suite struct HistoryCheckerTests {
    private static let start = LedgerModel(maxRequests: 3, maxCost: 100)

    private func verdict(_ events: [HistoryEvent]) -> Bool {
        HistoryChecker.check(events, from: Self.start).isLinearizable
    }

    private func event(
        _ times: ClosedRange<Int>, _ operation: HistoryEvent.Operation, _ outcome: HistoryEvent.Outcome
    ) -> HistoryEvent {
        HistoryEvent(operation, outcome, invoked: times.lowerBound, returned: times.upperBound)
    }

    /// A limit of three requests.
    private func allowed(_ used: Int) -> HistoryEvent.Outcome { .allowed(.requests, used: used, remaining: 3 - used) }

    @Test("sequential requests with correct answers are accepted")
    func sequential() {
        #expect(
            verdict([
                event(0...1, .check(hits: 1, cost: 0), allowed(1)),
                event(2...3, .record(hits: 0, cost: 40), .ok),
                event(4...5, .usage, .used(requests: 1, cost: 40, held: 0)),
                event(6...7, .peek(hits: 1, cost: 61), .denied(.cost, used: 40, remaining: 60)),
                event(8...9, .refund(hits: 0, cost: 50), .ok),
                event(10...11, .usage, .used(requests: 1, cost: 0, held: 0)),
            ]))
    }

    @Test("concurrent requests are accepted in any order that explains them")
    func reordered() {
        #expect(
            verdict([
                event(0...10, .check(hits: 1, cost: 0), allowed(2)),
                event(1...9, .check(hits: 1, cost: 0), allowed(1)),
                event(2...20, .record(hits: 0, cost: 7), .ok),
                event(11...12, .usage, .used(requests: 2, cost: 0, held: 0)),
                event(13...14, .usage, .used(requests: 2, cost: 7, held: 0)),
            ]))
    }

    @Test("journaled usage explains a denial only up to its amount")
    func waiting() {
        let history = [
            event(0...9, .record(hits: 2, cost: 0), .queued),
            event(2...3, .peek(hits: 2, cost: 0), .denied(.requests, used: 0, remaining: 1)),
        ]
        #expect(!verdict(history))
        let waiting = LedgerModel(maxRequests: 3, maxCost: 100, maxWaiting: .init(history))
        #expect(HistoryChecker.check(history, from: waiting).isLinearizable)
        let tooFar = event(2...3, .peek(hits: 2, cost: 0), .denied(.requests, used: 0, remaining: 0))
        #expect(!HistoryChecker.check([history[0], tooFar], from: waiting).isLinearizable)
    }

    @Test("a lost update is rejected")
    func lostUpdate() {
        #expect(
            !verdict([
                event(0...3, .record(hits: 0, cost: 5), .ok), event(1...2, .record(hits: 0, cost: 5), .ok),
                event(4...5, .usage, .used(requests: 0, cost: 5, held: 0)),
            ]))
    }

    @Test("two concurrent requests that saw the same counter are rejected")
    func sameCounterTwice() {
        #expect(
            !verdict([
                event(0...3, .check(hits: 1, cost: 0), allowed(1)), event(1...2, .check(hits: 1, cost: 0), allowed(1)),
            ]))
    }

    @Test("a stale read is rejected, and accepted if it was sent before the change was applied")
    func staleRead() {
        let record = event(0...5, .record(hits: 0, cost: 5), .ok)
        let old = HistoryEvent.Outcome.used(requests: 0, cost: 0, held: 0)
        #expect(!verdict([record, event(6...7, .usage, old)]))
        #expect(verdict([record, event(4...7, .usage, old)]))
        // A change that one client has seen is never undone for another.
        let new = HistoryEvent.Outcome.used(requests: 0, cost: 5, held: 0)
        #expect(!verdict([record, event(1...2, .usage, new), event(3...4, .usage, old)]))
    }

    @Test("an ALLOW over the limit is rejected, and so is a DENY with room")
    func overLimit() {
        let three = (1...3).map { event($0 * 2...$0 * 2 + 1, .check(hits: 1, cost: 0), allowed($0)) }
        let over = HistoryEvent.Outcome.allowed(.requests, used: 4, remaining: 0)
        #expect(!verdict(three + [event(10...11, .check(hits: 1, cost: 0), over)]))
        let denied = HistoryEvent.Outcome.denied(.requests, used: 3, remaining: 0)
        #expect(verdict(three + [event(10...11, .check(hits: 1, cost: 0), denied)]))
        #expect(!verdict(three.prefix(2) + [event(10...11, .check(hits: 1, cost: 0), denied)]))
    }

    @Test("a double charge is rejected")
    func doubleCharge() {
        let usage = event(6...7, .usage, .used(requests: 0, cost: 10, held: 0))
        #expect(!verdict([event(0...5, .record(hits: 0, cost: 5), .ok), usage]))
        #expect(!verdict([event(0...5, .record(hits: 0, cost: 5), .unknown), usage]))
    }

    @Test("an unanswered request may have been applied once, late, or never")
    func unknown() {
        func usage(_ times: ClosedRange<Int>, _ cost: Int) -> HistoryEvent {
            event(times, .usage, .used(requests: 0, cost: cost, held: 0))
        }
        let record = event(0...5, .record(hits: 0, cost: 5), .unknown)
        #expect(verdict([record]))
        #expect(verdict([record, usage(6...7, 0)]))
        #expect(verdict([record, usage(6...7, 0), usage(8...9, 5)]))
        #expect(!verdict([record, usage(6...7, 5), usage(8...9, 0)]))
        #expect(!verdict([usage(-3 ... -2, 5), record]))
    }

    @Test("a queued request is applied at some time before the journal was empty")
    func queued() {
        let record = event(0...9, .record(hits: 0, cost: 5), .queued)
        let (old, new) = (
            HistoryEvent.Outcome.used(requests: 0, cost: 0, held: 0),
            HistoryEvent.Outcome.used(requests: 0, cost: 5, held: 0)
        )
        #expect(verdict([record, event(2...3, .usage, old), event(4...5, .usage, new), event(10...11, .usage, new)]))
        #expect(!verdict([record, event(10...11, .usage, old)]))
    }

    @Test("holds count until they are committed or cancelled, once")
    func holds() {
        let reserve = event(
            0...1, .reserve(cost: 60), .allowed(.cost, used: 0, remaining: 40, reservation: "a"))
        let refused = HistoryEvent.Outcome.denied(.cost, used: 0, remaining: 40)
        #expect(verdict([reserve, event(2...3, .check(hits: 1, cost: 41), refused)]))
        let commit = event(4...5, .commit(reservation: "a", cost: 10), .ok)
        let after = event(6...7, .usage, .used(requests: 1, cost: 10, held: 0))
        #expect(verdict([reserve, commit, after]))
        #expect(!verdict([reserve, after]))
        let cancel = event(4...5, .cancel(reservation: "a"), .ok)
        #expect(verdict([reserve, cancel, event(6...7, .usage, .used(requests: 0, cost: 0, held: 0))]))
        #expect(!verdict([reserve, cancel, event(6...7, .usage, .used(requests: 1, cost: 0, held: 60))]))
    }

    @Test("long histories from a model are accepted, and rejected with one answer changed", arguments: 1...20)
    func random(seed: UInt64) {
        var maker = RandomLedgerHistory(seed: seed)
        let history = maker.make(count: 200)
        #expect(HistoryChecker.check(history, from: maker.start).isLinearizable, "seed \(seed)")
        #expect(!HistoryChecker.check(maker.spoiled(history), from: maker.start).isLinearizable, "seed \(seed)")
    }
}
