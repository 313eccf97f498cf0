import NIOCore
import TollgateCore
import TollgateRedis

/// The progress of the deliveries to a receiver.
package struct DeliveryReport: Sendable, Equatable {
    /// A delivery that has failed so far.
    package struct Failing: Sendable, Equatable {
        /// The stream id of the delivery.
        package var delivery: String
        package var failure: FailedDelivery
    }

    /// A delivery in the dead-letter stream.
    package struct DeadLettered: Sendable, Equatable {
        /// The stream id of the delivery.
        package var delivery: String
        /// The failure, without an alert if the entry was malformed.
        package var failure: FailedDelivery
        /// The time of dead-lettering by Redis's clock, Unix ms.
        package var deadLetteredAt: Int64
    }

    /// The number of entries not yet read for the receiver; nil if Redis cannot tell or there is no group yet.
    package var unread: Int64?
    /// The number of entries that were read and neither delivered nor dead-lettered.
    package var pending: Int64 = 0
    /// Pending deliveries that have failed so far, oldest first.
    package var failing: [Failing] = []
    /// The outage of the receiver as a whole; nil if there is none.
    package var outage: ReceiverOutage?
    /// The number of all failing deliveries.
    package var failingCount = 0
    /// Dead-lettered deliveries, newest first.
    package var deadLettered: [DeadLettered] = []
    /// The number of all dead-lettered deliveries.
    package var deadLetteredCount: Int64 = 0
}

extension DeliveryQueue {
    /// Reads the progress of the deliveries.
    ///
    /// - Parameter count: The maximum number of failing and of dead-lettered deliveries that are listed.
    package func report(atMost count: Int) async throws(StoreError) -> DeliveryReport {
        let (attempts, deadLettered) = (keys.attempts(receiver), keys.deadLetters(receiver))
        let replies = try await link.send([
            ["HGETALL", attempts], ["XREVRANGE", deadLettered, "+", "-", "COUNT", "\(count)"], ["XLEN", deadLettered],
            ["XINFO", "GROUPS", keys.deliveries],
        ])
        var report = DeliveryReport()
        let failures = Self.failures(try replies[0].pairs(of: attempts))
        report.outage = failures.outage
        let failing = failures.deliveries.sorted { StreamID.precedes($0.key, $1.key) }
        report.failingCount = failing.count
        for (id, failure) in failing.prefix(count) {
            var failure = failure
            // No delivery is tried before the receiver as a whole is.
            failure.nextAt = max(failure.nextAt, report.outage?.notBefore ?? 0)
            report.failing.append(.init(delivery: id, failure: failure))
        }
        for entry in try StreamEntry.all(replies[1], of: deadLettered) {
            report.deadLettered.append(try Self.deadLettered(entry, of: deadLettered))
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
            let time = StreamID.milliseconds(entry.id)
        else { throw .corrupt("\(key), entry \(entry.id): malformed entry") }
        let failure = FailedDelivery(
            alert: alert, event: event, attempts: attempts, firstAt: firstAt, nextAt: time, lastError: reason)
        return DeliveryReport.DeadLettered(delivery: delivery, failure: failure, deadLetteredAt: time)
    }

    /// Decodes `[[name, …, pending, …, lag, …], …]`. The reply is an error if there is no stream yet.
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
