import NIOCore
import TollgateCore
import TollgateRedis

/// How far a receiver has been told.
package struct DeliveryReport: Sendable, Equatable {
    /// A delivery that has failed so far.
    package struct Failing: Sendable, Equatable {
        /// Its id in the stream of deliveries.
        package var delivery: String
        package var failure: FailedDelivery
    }

    /// A delivery that was given up.
    package struct DeadLettered: Sendable, Equatable {
        /// Its id in the stream of deliveries.
        package var delivery: String
        /// Without an alert where the entry could not be read.
        package var failure: FailedDelivery
        /// Unix ms, Redis's clock.
        package var deadLetteredAt: Int64
    }

    /// Entries of the stream that nobody has read for it yet; nil where Redis cannot tell, or there is no group yet.
    package var unread: Int64?
    /// Entries that were read, and neither delivered nor given up.
    package var pending: Int64 = 0
    /// Those of them that have failed so far, oldest first.
    package var failing: [Failing] = []
    /// While the receiver as a whole fails.
    package var outage: ReceiverOutage?
    /// How many of those there are.
    package var failingCount = 0
    /// What was given up, newest first.
    package var deadLettered: [DeadLettered] = []
    /// How many of those there are.
    package var deadLetteredCount: Int64 = 0
}

extension DeliveryQueue {
    /// - Parameter count: the most that are listed of each.
    package func report(atMost count: Int) async throws(StoreError) -> DeliveryReport {
        let (attempts, deadLettered) = (keys.attempts(receiver), keys.deadLetters(receiver))
        let replies = try await link.ask([
            ["HGETALL", attempts], ["XREVRANGE", deadLettered, "+", "-", "COUNT", "\(count)"], ["XLEN", deadLettered],
            ["XINFO", "GROUPS", keys.deliveries],
        ])
        var report = DeliveryReport()
        let words = try replies[0].texts(of: attempts)
        report.outage = Self.outage(words)
        let failing = Self.failures(words).sorted { StreamOrder.precedes($0.key, $1.key) }
        report.failingCount = failing.count
        for (id, failure) in failing.prefix(count) {
            var failure = failure
            // None is tried before the receiver as a whole is.
            failure.nextAt = max(failure.nextAt, report.outage?.notBefore ?? 0)
            report.failing.append(.init(delivery: id, failure: failure))
        }
        guard case .array(let items) = try replies[1].checked(of: deadLettered) else {
            throw .unexpectedReply(about: deadLettered)
        }
        for item in items {
            report.deadLettered.append(try Self.deadLettered(StreamEntry(item, of: deadLettered), of: deadLettered))
        }
        if case .integer(let length) = try replies[2].checked(of: deadLettered) { report.deadLetteredCount = length }
        readGroup(replies[3], into: &report)
        return report
    }

    private static func deadLettered(
        _ entry: StreamEntry, of key: String
    ) throws(StoreError) -> DeliveryReport.DeadLettered {
        let fields = entry.fields
        guard let delivery = fields["delivery"], let alert = fields["alert"], let event = fields["event"],
            let attempts = fields["attempts"].flatMap({ Int($0) }),
            let firstAt = fields["first_at"].flatMap({ Int64($0) }), let reason = fields["reason"],
            let time = StreamOrder.milliseconds(entry.id)
        else { throw .corrupt("\(key), entry \(entry.id): cannot be read") }
        let failure = FailedDelivery(
            alert: alert, event: event, attempts: attempts, firstAt: firstAt, nextAt: time, lastError: reason)
        return DeliveryReport.DeadLettered(delivery: delivery, failure: failure, deadLetteredAt: time)
    }

    /// From `[[name, …, pending, …, lag, …], …]`; an error where there is no stream yet.
    private func readGroup(_ reply: RedisReply, into report: inout DeliveryReport) {
        guard case .array(let groups) = reply else { return }
        for case .array(let words) in groups {
            var fields: [String: RedisReply] = [:]
            for index in stride(from: 0, to: words.count - 1, by: 2) {
                if case .bulk(let name) = words[index] { fields[String(buffer: name)] = words[index + 1] }
            }
            guard case .bulk(let name) = fields["name"], String(buffer: name) == receiver else { continue }
            if case .integer(let pending) = fields["pending"] { report.pending = pending }
            if case .integer(let lag) = fields["lag"] { report.unread = lag }
        }
    }
}

/// The order of the ids of a stream: `1795219201123-0`.
package enum StreamOrder {
    static func precedes(_ one: String, _ other: String) -> Bool { parts(one) < parts(other) }

    /// The time in an id, Unix ms.
    package static func milliseconds(_ id: String) -> Int64? { id.split(separator: "-").first.flatMap { Int64($0) } }

    private static func parts(_ id: String) -> (UInt64, UInt64) {
        let parts = id.split(separator: "-").map { UInt64($0) ?? 0 }
        return (parts.first ?? 0, parts.dropFirst().first ?? 0)
    }
}
