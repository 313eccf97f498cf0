import NIOCore

/// What one thread of a run has to do. A plain value.
struct LoadShare: Sendable {
    var connections: Int
    var pipeline: Int
    /// Measured calls; nil where the time decides.
    var count: Int?
    /// Between two calls of an open loop, in nanoseconds; nil for a closed one.
    var interval: Double?
    /// From the start to the first call of an open loop, so that the threads take turns.
    var offset = TimeAmount.zero
    /// Where no reply comes for so long, or calls are unanswered so long after the end, they are given up.
    var patience: TimeAmount

    /// Cuts what the settings ask for into one share a thread.
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
