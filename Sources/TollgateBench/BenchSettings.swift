package import TollgateClient
import TollgateCore
package import TollgatePolicy
package import TollgateRedis

/// What a run asks of whom. A plain value.
package struct BenchSettings: Sendable {
    package enum Target: Sendable {
        /// A running sidecar, in its line protocol.
        case sidecar(TollgateAddress, token: String?)
        /// Redis itself: every request is a call of the batch function with a batch of one, on keys of that namespace and
        /// with the limits of that policy.
        case direct(RedisAddress, Policy, namespace: String)
    }

    package enum Extent: Sendable {
        case time(Duration)
        /// So many requests, over all connections.
        case count(Int)
    }

    package var target: Target
    /// Over all threads.
    package var connections = 64
    /// Requests that a connection keeps unanswered; without `rate` only.
    package var pipeline = 16
    package var threads = 1
    package var workload = Workload.Settings()
    package var extent = Extent.time(.seconds(10))
    /// Requests sent in this time are not part of the result.
    package var warmup = Duration.seconds(1)
    /// Requests a second over all connections, evenly spaced, whether or not the earlier ones have been answered. Nil sends
    /// the next one when a reply comes.
    package var rate: Double?
    /// Where no reply comes for so long, or calls are unanswered so long after the end, they are given up.
    package var patience = Duration.seconds(5)

    package init(target: Target) {
        self.target = target
    }

    /// Throws a sentence that names the first option that is wrong.
    package func validate() throws(BenchError) {
        try require(1...10_000, connections, "connections")
        try require(1...1_024, pipeline, "pipeline")
        try require(1...64, threads, "threads")
        guard threads <= connections else {
            throw BenchError("--threads \(threads): expected at most one for each of the \(connections) connections")
        }
        try require(1...10_000_000, workload.users, "users")
        try require(1...100_000, workload.tools, "tools")
        try require(1...100_000, workload.providers, "providers")
        if case .count(let count) = extent { try require(1...1_000_000_000, count, "count") }
        if let rate, !(1...10_000_000).contains(rate) {
            throw BenchError("--rate \(rate): expected 1 to 10000000 requests a second")
        }
    }

    private func require(_ range: ClosedRange<Int>, _ value: Int, _ option: String) throws(BenchError) {
        guard !range.contains(value) else { return }
        throw BenchError("--\(option) \(value): expected \(range.lowerBound) to \(range.upperBound)")
    }
}
