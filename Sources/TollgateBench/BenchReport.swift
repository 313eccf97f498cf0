import Foundation
import Histogram
import NIOCore
import TollgatePolicy

/// The result of a run, as `--json` prints it.
package struct BenchReport: Codable, Sendable, Equatable {
    package struct Latency: Codable, Sendable, Equatable {
        package var p50 = 0.0
        package var p90 = 0.0
        package var p99 = 0.0
        package var p999 = 0.0
        package var max = 0.0

        enum CodingKeys: String, CodingKey {
            case p50, p90, p99, max
            case p999 = "p99.9"
        }
    }

    package struct Replies: Codable, Sendable, Equatable {
        package var allow = 0
        package var deny = 0
        package var ok = 0
        package var degraded = 0
        package var error = 0
    }

    package var target: String
    /// The target: `sidecar` or `direct`.
    package var mode: String
    package var connections: Int
    package var pipeline: Int
    package var threads: Int
    package var users: Int
    package var tools: Int
    package var providers: Int
    package var mix: [String: Int]
    /// The requested rate per second. Null in the closed loop.
    package var rate: Double?
    /// The time from the end of the warm-up to the last reply.
    package var seconds: Double
    package var requests: Int
    package var requestsPerSecond: Double
    /// Latencies in milliseconds.
    package var latency: Latency
    package var replies: Replies
    /// The number of replies per ERR code. `unanswered` counts requests without a reply.
    package var errors: [String: Int]

    enum CodingKeys: String, CodingKey {
        case target, mode, connections, pipeline, threads, users, tools, providers, mix, rate, seconds, requests
        case requestsPerSecond = "requests_per_second"
        case latency = "latency_ms"
        case replies, errors
    }

    /// The report as one line of JSON.
    package func json() throws -> String {
        try CanonicalJSON.text(self)
    }
}

extension BenchReport {
    init(_ settings: BenchSettings, _ statistics: LoadStatistics) {
        switch settings.target {
        case .sidecar(let address, _): (target, mode) = ("\(address)", "sidecar")
        case .direct(let address, _, _): (target, mode) = ("\(address)", "direct")
        }
        connections = settings.connections
        pipeline = settings.pipeline
        threads = settings.threads
        users = settings.workload.users
        tools = settings.workload.tools
        providers = settings.workload.providers
        mix = Dictionary(uniqueKeysWithValues: settings.workload.mix.weights.map { ($0.name, $0.weight) })
        rate = settings.rate
        let elapsed = Double(statistics.elapsed.nanoseconds) / 1e9
        seconds = Self.rounded(elapsed, places: 3)
        requests = statistics.answered
        requestsPerSecond = elapsed > 0 ? Self.rounded(Double(statistics.answered) / elapsed, places: 1) : 0
        latency = Latency(statistics)
        errors = statistics.errors
        if statistics.unanswered > 0 { errors["unanswered"] = statistics.unanswered }
        replies = Replies(
            allow: statistics.allow, deny: statistics.deny, ok: statistics.ok, degraded: statistics.degraded,
            error: errors.values.reduce(0, +))
    }

    fileprivate static func rounded(_ value: Double, places: Int) -> Double {
        var unit = 1.0
        for _ in 0..<places { unit *= 10 }
        return (value * unit).rounded() / unit
    }
}

extension BenchReport.Latency {
    fileprivate init(_ statistics: LoadStatistics) {
        guard statistics.answered + statistics.unanswered > 0 else { return }
        func milliseconds(_ percentile: Double) -> Double {
            BenchReport.rounded(Double(statistics.latencies.valueAtPercentile(percentile)) / 1e6, places: 4)
        }
        (p50, p90, p99, p999) = (milliseconds(50), milliseconds(90), milliseconds(99), milliseconds(99.9))
        max = milliseconds(100)
    }
}

extension BenchReport: CustomStringConvertible {
    /// A summary of a few lines.
    package var description: String {
        let pace = rate.map { "open loop at \(Self.grouped($0))/s" } ?? "\(pipeline) deep"
        var lines = [
            "\(mode) \(target): \(count(connections, "connection")), \(pace), \(count(threads, "thread"))",
            "\(count(users, "user")), \(count(tools, "tool")), \(count(providers, "provider")), \(mixText)",
            "",
            "requests/s  \(Self.grouped(requestsPerSecond))    (\(Self.grouped(Double(requests))) in \(seconds) s)",
            "latency ms  p50 \(latency.p50)  p90 \(latency.p90)  p99 \(latency.p99)  p99.9 \(latency.p999)  max \(latency.max)",
            "replies     \(repliesText)",
        ]
        if !errors.isEmpty {
            lines.append(
                "errors      "
                    + errors.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
        }
        return lines.joined(separator: "\n")
    }

    private var mixText: String {
        mix.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    }

    private var repliesText: String {
        let counts = [
            ("ALLOW", replies.allow), ("DENY", replies.deny), ("OK", replies.ok), ("degraded", replies.degraded),
            ("errors", replies.error),
        ]
        let named = counts.filter { $0.1 > 0 }.map { "\($0.0) \(Self.grouped(Double($0.1)))" }
        return named.isEmpty ? "none" : named.joined(separator: ", ")
    }

    private func count(_ number: Int, _ thing: String) -> String {
        "\(Self.grouped(Double(number))) \(thing)\(number == 1 ? "" : "s")"
    }

    /// Rounds to a whole number and separates thousands by spaces.
    static func grouped(_ number: Double) -> String {
        var digits = Array(String(Int64(number.rounded())))
        var index = digits.count - 3
        while index > 0 {
            digits.insert(" ", at: index)
            index -= 3
        }
        return String(digits)
    }
}
