import Foundation

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
