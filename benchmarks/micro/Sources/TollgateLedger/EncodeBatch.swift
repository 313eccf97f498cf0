import NIOCore
import TollgateRedis

/// A run: 128 CHECKs, which are in a batch already, become the arguments of one FCALL.
package struct EncodeBatch {
    private let batches: [Batch]
    private var next = 0
    /// Unix ms. Any time will do: the calendar's days and months are encoded for it once.
    private let now: Int64 = 1_800_000_000_000

    package init(_ scopes: [[ScopePlan]]) {
        batches = batchesOfChecks(on: scopes)
    }

    package mutating func run(_ times: Int) -> Int {
        var sum = 0
        for _ in 0..<times {
            sum &+= batches[next].encoder.arguments(at: now).bytes.readableBytes
            next += 1
            if next == batches.count { next = 0 }
        }
        return sum
    }
}
