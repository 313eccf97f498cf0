/// Counts of whole numbers by ranges with fixed upper bounds, as Prometheus's histograms have them. A value.
package struct Histogram: Sendable, Equatable {
    /// The upper bounds of all ranges but the last one, which has none; ascending, each within its range.
    package let bounds: [Int64]
    /// How many numbers are in each range, one more than `bounds`.
    package fileprivate(set) var counts: [Int]
    /// The sum of all numbers.
    package fileprivate(set) var sum: Int64 = 0

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

    /// How many numbers have been recorded.
    package var count: Int { counts.reduce(0, +) }

    /// Adds the numbers of a histogram with the same bounds.
    package mutating func add(_ other: Histogram) {
        precondition(bounds == other.bounds, "histograms with different bounds have no sum")
        for index in counts.indices { counts[index] += other.counts[index] }
        sum &+= other.sum
    }
}

/// Records numbers in a histogram. Recording takes no lock and allocates nothing: it is a few loads and an addition.
///
/// A handle of memory that its owner deallocates, so that a use costs no reference counting. Owned by one event loop.
package struct HistogramRecorder {
    /// The sum, the range of the last number, the ends of the ranges, and the counts of the ranges. Range `i` has the numbers
    /// above edge `i` up to edge `i + 1`.
    @usableFromInline let cells: UnsafeMutablePointer<Int64>
    /// The number of ranges.
    @usableFromInline let size: Int

    package init(bounds: [Int64]) {
        size = bounds.count + 1
        cells = .allocate(capacity: 2 * size + 3)
        cells.initialize(repeating: 0, count: 2 * size + 3)
        for (index, edge) in ([-1] + bounds + [.max]).enumerated() { cells[2 + index] = edge }
    }

    package func deallocate() { cells.deallocate() }

    /// Adds a number; one below zero, as from a clock that was set back, counts as zero.
    @inlinable @inline(__always)
    package func record(_ number: Int64) {
        let number = max(number, 0)
        // The operations of a batch have come one after the other, so that their times are in the same range or in a
        // neighbouring one. The first edge is below every number, and none is above the last one.
        var edge = cells + 2 + Int(cells[1])
        while number <= edge[0] { edge -= 1 }
        while number > edge[1] { edge += 1 }
        cells[1] = Int64(edge - (cells + 2))
        edge[size + 1] &+= 1
        cells[0] &+= number
    }

    /// The numbers so far.
    package var histogram: Histogram {
        var histogram = Histogram(bounds: (0..<size - 1).map { cells[3 + $0] })
        histogram.counts = (0..<size).map { Int(cells[3 + size + $0]) }
        histogram.sum = cells[0]
        return histogram
    }
}

/// A fixed number of counters at one address, so that counting is one addition. A handle of memory that its owner
/// deallocates. Owned by one event loop.
@usableFromInline
struct Counters {
    @usableFromInline let base: UnsafeMutablePointer<Int>
    private let count: Int

    init(count: Int) {
        self.count = count
        base = .allocate(capacity: count)
        base.initialize(repeating: 0, count: count)
    }

    func deallocate() { base.deallocate() }

    subscript(index: Int) -> Int {
        precondition(index >= 0 && index < count, "no such counter")
        return base[index]
    }

    /// - Parameter index: Below the number of counters; not checked.
    @inlinable @inline(__always)
    func increment(_ index: Int) { base[index] &+= 1 }
}
