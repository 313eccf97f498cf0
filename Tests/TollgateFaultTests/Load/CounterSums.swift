/// The values of a scope's counters, actual or expected.
struct CounterSums: Sendable, Equatable {
    var requests = 0
    var tokens = 0
    /// The cost in nano-units.
    var cost = 0
    /// The number of open reservations.
    var holds = 0

    init(requests: Int = 0, tokens: Int = 0, cost: Int = 0, holds: Int = 0) {
        self.requests = requests
        self.tokens = tokens
        self.cost = cost
        self.holds = holds
    }

    /// The fields of a scope's hash in Redis that hold the counters of `total` limits, and the reservations.
    static let fields = ["requests/total", "tokens/total", "cost/total", "held"]

    /// Creates the counters from the values of ``fields``, in order.
    init(values: [String?]) {
        func counter(_ index: Int) -> Int { values[index].flatMap { Int($0) } ?? 0 }
        // The end of the first hold, the number of holds, and the held amounts.
        let held = values[3]?.split(separator: " ").dropFirst().first
        self.init(
            requests: counter(0), tokens: counter(1), cost: counter(2), holds: held.flatMap { Int($0) } ?? 0)
    }

    static func + (left: CounterSums, right: CounterSums) -> CounterSums {
        CounterSums(
            requests: left.requests + right.requests, tokens: left.tokens + right.tokens, cost: left.cost + right.cost,
            holds: left.holds + right.holds)
    }

    static prefix func - (sums: CounterSums) -> CounterSums { sums.map { -$0 } }

    /// Returns the counters, each changed in the same way.
    func map(_ change: (Int) -> Int) -> CounterSums {
        CounterSums(
            requests: change(requests), tokens: change(tokens), cost: change(cost), holds: change(holds))
    }
}

/// The bounds of a scope's counters: at least the certain operations, at most these and the uncertain ones.
struct CounterBounds: Sendable {
    private(set) var low = CounterSums()
    private(set) var high = CounterSums()

    /// Adds an operation that was applied exactly once.
    mutating func addCertain(_ sums: CounterSums) {
        low = low + sums
        high = high + sums
    }

    /// Adds an operation that was applied at most once. Amounts taken back are negative.
    mutating func addPossible(_ sums: CounterSums) {
        low = low + sums.map { min($0, 0) }
        high = high + sums.map { max($0, 0) }
    }

    /// Returns the counters outside the bounds, in words. `lost` removes the lower bound.
    func problems(of sums: CounterSums, lost: Bool = false) -> [String] {
        let counters: [(String, KeyPath<CounterSums, Int>)] = [
            ("requests", \.requests), ("tokens", \.tokens), ("cost", \.cost), ("holds", \.holds),
        ]
        return counters.compactMap { name, counter in
            let range = (lost ? min(0, low[keyPath: counter]) : low[keyPath: counter])...high[keyPath: counter]
            let value = sums[keyPath: counter]
            return range.contains(value) ? nil : "\(name) is \(value), not in \(range)"
        }
    }
}
