/// What the counters of a scope hold, or are to hold.
struct CounterSums: Sendable, Equatable {
    var requests = 0
    var tokens = 0
    /// In nano-units.
    var cost = 0
    /// Open reservations.
    var holds = 0

    init(requests: Int = 0, tokens: Int = 0, cost: Int = 0, holds: Int = 0) {
        self.requests = requests
        self.tokens = tokens
        self.cost = cost
        self.holds = holds
    }

    /// The fields of a scope's hash in Redis that hold the counters of `total` limits, and the reservations.
    static let fields = ["requests/total", "tokens/total", "cost/total", "held"]

    /// The counters from the values of ``fields``, in their order.
    init(values: [String?]) {
        func counter(_ place: Int) -> Int { values[place].flatMap { Int($0) } ?? 0 }
        // The end of the first hold, the number of holds, what they hold.
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

    /// Each of them changed in the same way.
    func map(_ change: (Int) -> Int) -> CounterSums {
        CounterSums(
            requests: change(requests), tokens: change(tokens), cost: change(cost), holds: change(holds))
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
        low = low + sums.map { min($0, 0) }
        high = high + sums.map { max($0, 0) }
    }

    /// The counters that lie outside, in words; `lost` lifts the lower bound.
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
