import NIOCore

/// The part of a run that one thread executes.
struct LoadShare: Sendable {
    var connections: Int
    var pipeline: Int
    /// The number of measured calls. Nil if the run is limited by time.
    var count: Int?
    /// The interval between two calls of the open loop in nanoseconds. Nil in the closed loop.
    var interval: Double?
    /// The delay of the first call of the open loop, which interleaves the threads.
    var offset = TimeAmount.zero
    /// The timeout after which calls without a reply are given up, also at the end of the run.
    var patience: TimeAmount

    /// Divides the settings into one share per thread.
    static func shares(of settings: BenchSettings) -> [LoadShare] {
        let threads = settings.threads
        func part(of whole: Int, _ thread: Int) -> Int { whole / threads + (thread < whole % threads ? 1 : 0) }
        return (0..<threads).map { thread in
            var share = LoadShare(
                connections: part(of: settings.connections, thread), pipeline: settings.pipeline,
                patience: TimeAmount(settings.patience))
            if case .count(let count) = settings.extent { share.count = part(of: count, thread) }
            if let rate = settings.rate {
                share.interval = 1_000_000_000 / rate * Double(threads)
                share.offset = .nanoseconds(Int64(1_000_000_000 / rate * Double(thread)))
            }
            return share
        }
    }
}
