import Testing

/// Tests that the bookkeeper accepts exactly the counters that are possible after the clients' answers.
@Suite struct BookkeeperTests {
    private static let scopes = LoadScopes(tag: "t")
    private static let price = CounterSums(tokens: 1, cost: 7)

    private func operation(_ kind: LoadOperation.Kind, _ sums: CounterSums = price) -> LoadOperation {
        let tight = kind == .tightCheck ? [Self.scopes.tight] : []
        return LoadOperation(kind: kind, line: "\(kind)", scopes: [Self.scopes.team] + tight, sums: sums)
    }

    private func book(_ entries: [(LoadOperation, String?)]) -> Bookkeeper {
        let book = Bookkeeper(scopes: Self.scopes)
        for (operation, line) in entries { _ = book.enter(operation, LoadReply(line: line), line: line, after: .zero) }
        return book
    }

    private func accepts(_ book: Bookkeeper, _ sums: CounterSums, tight: Int = 0) -> Bool {
        let counters = [Self.scopes.team: sums, Self.scopes.tight: CounterSums(requests: tight)]
        return book.problems { counters[$0] ?? CounterSums() } == [] && book.complaints == []
    }

    @Test("an operation answered OK is counted once", arguments: ["OK", "OK queued=1", "OK duplicate=1", "OK late=1"])
    func answered(reply: String) {
        let book = book([(operation(.record), reply)])
        #expect(accepts(book, Self.price))
        #expect(!accepts(book, CounterSums()))
        #expect(!accepts(book, Self.price + Self.price))
    }

    @Test("an unanswered operation is counted at most once")
    func unanswered() {
        let book = book([(operation(.record), nil)])
        #expect(accepts(book, Self.price))
        #expect(accepts(book, CounterSums()))
        #expect(!accepts(book, Self.price + Self.price))
        let taken = self.book([(operation(.record), "OK"), (operation(.refund, -Self.price), nil)])
        #expect(accepts(taken, Self.price))
        #expect(accepts(taken, CounterSums()))
    }

    @Test("a refused operation is not counted")
    func refused() {
        let book = book([(operation(.record), "ERR busy too many")])
        #expect(accepts(book, CounterSums()))
        #expect(!accepts(book, Self.price))
    }

    @Test("an idempotent operation is sent until it is answered OK")
    func repeated() {
        let book = Bookkeeper(scopes: Self.scopes)
        for line in ["ERR busy too many", nil] {
            #expect(!book.enter(operation(.recordOnce), LoadReply(line: line), line: line, after: .zero))
        }
        #expect(accepts(book, CounterSums()))
        #expect(book.enter(operation(.recordOnce), LoadReply(line: "OK"), line: "OK", after: .zero))
        #expect(accepts(book, Self.price))
        #expect(!accepts(book, CounterSums()))
    }

    @Test("a DENY with room is a violation, also of the tight limit")
    func denied() {
        let one = CounterSums(requests: 1)
        #expect(!accepts(book([(operation(.check, one), "DENY reason=quota_exceeded")]), CounterSums()))
        #expect(!accepts(book([(operation(.tightCheck, one), "DENY reason=quota_exceeded")]), CounterSums()))
        let allowed = Array(
            repeating: (operation(.tightCheck, one), Optional("ALLOW limit=x")), count: LoadScopes.tightMax)
        let all = CounterSums(requests: LoadScopes.tightMax)
        let full = book(allowed + [(operation(.tightCheck, one), "DENY reason=quota_exceeded")])
        #expect(accepts(full, all, tight: LoadScopes.tightMax))
        let over = book(allowed + [allowed[0]])
        #expect(!accepts(over, all + one, tight: LoadScopes.tightMax + 1))
    }

    @Test("an error because of a missing Redis is a violation: decisions fail open, and writes are journaled")
    func errorForWantOfRedis() {
        #expect(!accepts(book([(operation(.check), "ERR unavailable Redis: away")]), CounterSums()))
        #expect(!accepts(book([(operation(.record), "ERR unavailable Redis: away")]), CounterSums()))
        #expect(!accepts(book([(operation(.record), "ERR timeout no answer")]), CounterSums()))
    }
}
