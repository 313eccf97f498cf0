import Foundation
import TollgateCore
import TollgateTestSupport

/// Parses a sidecar's replies for a history.
enum HistoryReply {
    /// Throws if the line is not an answer to such a request.
    static func outcome(of operation: HistoryEvent.Operation, _ line: String) throws -> HistoryEvent.Outcome {
        let words = line.split(separator: " ").map(String.init)
        if line.hasPrefix("ERR unavailable") || line.hasPrefix("ERR timeout") { return .unknown }
        if words.contains("degraded=1") { return .unknown }
        if operation == .usage { return try usage(line) }
        switch words.first {
        case "OK": return words.contains("queued=1") ? .queued : .ok
        case "ALLOW":
            let (counter, used, remaining) = try limit(words)
            return .allowed(counter, used: used, remaining: remaining, reservation: field("reservation", words))
        case "DENY":
            let (counter, used, remaining) = try limit(words)
            return .denied(counter, used: used, remaining: remaining)
        default: throw TestFailure("\(operation) was answered \(line)")
        }
    }

    private static func field(_ name: String, _ words: [String]) -> String? {
        words.first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
    }

    private static func limit(_ words: [String]) throws -> (LedgerModel.Counter, used: Int, remaining: Int) {
        guard let limit = field("limit", words), let used = field("used", words),
            let remaining = field("remaining", words)
        else { throw TestFailure("a field is missing: \(words)") }
        let isCost = limit.hasSuffix("/cost/total")
        guard isCost || limit.hasSuffix("/requests/total") else { throw TestFailure("another limit: \(limit)") }
        return (isCost ? .cost : .requests, try amount(used, isCost), try amount(remaining, isCost))
    }

    private static func amount(_ text: String, _ isCost: Bool) throws -> Int {
        if isCost { return Int(try Money(parsing: text).nanos) }
        guard let number = Int(text) else { throw TestFailure("not a number: \(text)") }
        return number
    }

    private static func usage(_ line: String) throws -> HistoryEvent.Outcome {
        let usage = try JSONDecoder().decode(Usage.self, from: Data(line.utf8))
        func item(_ limit: String) throws -> Usage.Item {
            guard let item = usage.limits.first(where: { $0.limit == limit }) else {
                throw TestFailure("\(limit) is missing: \(line)")
            }
            return item
        }
        let cost = try item("cost/total")
        return .used(
            requests: try amount(try item("requests/total").used.text, false), cost: try amount(cost.used.text, true),
            held: try amount(cost.held.text, true))
    }

    private struct Usage: Decodable {
        struct Item: Decodable {
            var limit: String
            var used: Amount
            var held: Amount
        }

        /// A number, or money as text.
        struct Amount: Decodable {
            var text: String

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let number = try? container.decode(Int.self) {
                    text = "\(number)"
                } else {
                    text = try container.decode(String.self)
                }
            }
        }

        var limits: [Item]
    }
}
