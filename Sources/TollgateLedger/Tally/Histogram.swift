/// Counts of whole numbers by ranges with fixed upper bounds, as Prometheus's histograms have them.
///
/// Recording takes no lock and allocates nothing. A value type without sharing: `copy()` gives other threads storage of
/// their own, so that recording never has to copy. Owned by one event loop.
package struct Histogram: Sendable, Equatable {
    /// The upper bounds of all ranges but the last one, which has none; ascending, each within its range.
    package let bounds: [Int64]
    /// The numbers in each range, one more than `bounds`.
    package private(set) var counts: [Int]
    /// The sum of all numbers.
    package private(set) var sum: Int64 = 0
    /// The range of the last number. The operations of a batch have come one after the other, so that their times are in
    /// the same range or in a neighbouring one.
    private var last = 0

    /// The bounds for times in nanoseconds, from 50 µs to 250 ms, the usual deadline.
    package static let times: [Int64] = [
        50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000,
        100_000_000,
        250_000_000,
    ]
    /// The bounds for the operations of a batch.
    package static let sizes: [Int64] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]

    package init(bounds: [Int64]) {
        self.bounds = bounds
        counts = [Int](repeating: 0, count: bounds.count + 1)
    }

    /// Adds a number; one below zero, as from a clock that was set back, counts as zero.
    @inline(__always)
    package mutating func record(_ number: Int64) {
        while last > 0, number <= bounds[last - 1] { last -= 1 }
        while last < bounds.count, number > bounds[last] { last += 1 }
        counts[last] += 1
        sum &+= max(number, 0)
    }

    /// How many numbers have been recorded.
    package var count: Int { counts.reduce(0, +) }

    /// Returns a histogram that shares no storage with this one.
    package func copy() -> Histogram {
        var copy = Histogram(bounds: bounds)
        copy.add(self)
        return copy
    }

    /// Adds the numbers of a histogram with the same bounds.
    package mutating func add(_ other: Histogram) {
        precondition(bounds == other.bounds, "histograms with different bounds have no sum")
        for index in counts.indices { counts[index] += other.counts[index] }
        sum &+= other.sum
    }
}
