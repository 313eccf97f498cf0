/// What the counters of a scope hold, or are to hold.
struct CounterSums: Sendable, Equatable {
    var requests = 0
    var tokens = 0
    /// In nano-units.
    var cost = 0

    static func + (left: CounterSums, right: CounterSums) -> CounterSums {
        CounterSums(
            requests: left.requests + right.requests, tokens: left.tokens + right.tokens, cost: left.cost + right.cost)
    }

    static prefix func - (sums: CounterSums) -> CounterSums {
        CounterSums(requests: -sums.requests, tokens: -sums.tokens, cost: -sums.cost)
    }

    /// The counters of a scope with `total` limits, from its hash in Redis.
    init(hash: [String: String]) {
        func counter(_ field: String) -> Int { hash[field].flatMap { Int($0) } ?? 0 }
        self.init(
            requests: counter("requests/total"), tokens: counter("tokens/total"), cost: counter("cost/total"))
    }

    init(requests: Int = 0, tokens: Int = 0, cost: Int = 0) {
        self.requests = requests
        self.tokens = tokens
        self.cost = cost
    }
}

/// What a scope's counters may hold: at least what is known to have happened, at most that and what may have.
struct CounterBounds: Sendable {
    private(set) var low = CounterSums()
    private(set) var high = CounterSums()

    /// Exactly once.
    mutating func addCertain(_ sums: CounterSums) {
        low = low + sums
        high = high + sums
    }

    /// Once or never. What is taken away is given as less than 0.
    mutating func addPossible(_ sums: CounterSums) {
        func part(_ keep: (Int) -> Int) -> CounterSums {
            CounterSums(requests: keep(sums.requests), tokens: keep(sums.tokens), cost: keep(sums.cost))
        }
        low = low + part { min($0, 0) }
        high = high + part { max($0, 0) }
    }

    /// The counters that lie outside, in words; `lost` lifts the lower bound.
    func problems(of sums: CounterSums, lost: Bool = false) -> [String] {
        let counters: [(String, KeyPath<CounterSums, Int>)] = [
            ("requests", \.requests), ("tokens", \.tokens), ("cost", \.cost),
        ]
        return counters.compactMap { name, counter in
            let range = (lost ? min(0, low[keyPath: counter]) : low[keyPath: counter])...high[keyPath: counter]
            let value = sums[keyPath: counter]
            return range.contains(value) ? nil : "\(name) is \(value), not in \(range)"
        }
    }
}
