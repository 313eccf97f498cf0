/// How many operations have been replayed lately: counts by the second, of the last ten.
struct ReplayRate {
    private static let seconds: Int64 = 10

    private var counts = [Int](repeating: 0, count: Int(seconds))
    /// The Unix second that was counted last.
    private var newest: Int64 = 0

    /// `time` in Unix ms.
    mutating func note(_ operations: Int, at time: Int64) {
        advance(to: time / 1_000)
        counts[Int(newest % Self.seconds)] += operations
    }

    /// Operations a second, on average over the last ten.
    mutating func perSecond(at time: Int64) -> Double {
        advance(to: time / 1_000)
        return Double(counts.reduce(0, +)) / Double(Self.seconds)
    }

    /// A clock that goes back is taken to stand still.
    private mutating func advance(to second: Int64) {
        for passed in 0..<min(max(second - newest, 0), Self.seconds) {
            counts[Int((second - passed) % Self.seconds)] = 0
        }
        newest = max(newest, second)
    }
}
