import NIOCore
package import TollgateClient
import TollgateCore
package import TollgatePolicy
package import TollgateRedis

/// The settings of a run.
package struct BenchSettings: Sendable {
    package enum Target: Sendable {
        /// A running sidecar, over the line protocol.
        case sidecar(TollgateAddress, token: String?)
        /// Redis. Every request is a call of the batch function with one operation, on the keys of a namespace and with
        /// the limits of a policy.
        case direct(RedisAddress, Policy, namespace: String)
    }

    package enum Extent: Sendable {
        case time(Duration)
        /// A number of requests, over all connections.
        case count(Int)
    }

    package var target: Target
    /// The number of connections over all threads.
    package var connections = 64
    /// The number of unanswered requests per connection, in the closed loop only.
    package var pipeline = 16
    package var threads = 1
    package var workload = Workload.Settings()
    package var extent = Extent.time(.seconds(10))
    /// The warm-up. Requests sent in this time are not part of the result.
    package var warmup = Duration.seconds(1)
    /// Requests per second over all connections, evenly spaced and independent of replies (open loop). Nil sends the
    /// next request when a reply arrives (closed loop).
    package var rate: Double?
    /// The timeout after which calls without a reply are given up, also at the end of the run.
    package var patience = Duration.seconds(5)

    package init(target: Target) {
        self.target = target
    }

    /// Throws an error that names the first invalid option.
    package func validate() throws(OperatorError) {
        try require(1...10_000, connections, "connections")
        try require(1...1_024, pipeline, "pipeline")
        try require(1...64, threads, "threads")
        guard threads <= connections else {
            throw OperatorError(
                "--threads \(threads): expected at most one per connection, of which there are \(connections)")
        }
        try require(1...10_000_000, workload.users, "users")
        try require(1...100_000, workload.tools, "tools")
        try require(1...100_000, workload.providers, "providers")
        if case .count(let count) = extent { try require(1...1_000_000_000, count, "count") }
        if let rate, !(1...10_000_000).contains(rate) {
            throw OperatorError("--rate \(rate): expected 1 to 10000000 requests per second")
        }
    }

    private func require(_ range: ClosedRange<Int>, _ value: Int, _ option: String) throws(OperatorError) {
        guard !range.contains(value) else { return }
        throw OperatorError("--\(option) \(value): expected \(range.lowerBound) to \(range.upperBound)")
    }
}

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
