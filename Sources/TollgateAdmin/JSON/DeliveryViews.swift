import TollgateCore
import TollgateLedger
import TollgateStores

/// A handler of alerts, and how far it has been told.
struct HandlerView: Encodable {
    var handler: AlertHandler
    var report: DeliveryReport

    init(_ handler: AlertHandler, _ report: DeliveryReport) {
        self.handler = handler
        self.report = report
    }

    enum CodingKeys: String, CodingKey {
        case name, type, to, kinds, meters, severities, unread, pending, failing, outage, parked
        case failingCount = "failing_count"
        case parkedCount = "parked_count"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(handler.name, forKey: .name)
        try container.encode(handler.type.rawValue, forKey: .type)
        try container.encode(handler.place, forKey: .to)
        let filter = handler.filter
        try container.encode(filter.kinds?.map(\.description).sorted(), forKey: .kinds)
        try container.encode(filter.meters?.map(\.name).sorted(), forKey: .meters)
        try container.encode(filter.severities?.map(\.rawValue).sorted(), forKey: .severities)
        try container.encode(report.unread, forKey: .unread)
        try container.encode(report.pending, forKey: .pending)
        try container.encode(report.failingCount, forKey: .failingCount)
        try container.encode(report.failing.map { DeliveryView($0) }, forKey: .failing)
        try container.encode(report.outage.map { OutageView(outage: $0) }, forKey: .outage)
        try container.encode(report.parkedCount, forKey: .parkedCount)
        try container.encode(report.parked.map { DeliveryView($0) }, forKey: .parked)
    }
}

/// That a receiver as a whole fails.
private struct OutageView: Encodable {
    var outage: ReceiverOutage

    enum CodingKeys: String, CodingKey {
        case since, attempts
        case nextAt = "next_at"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(Instant.text(milliseconds: outage.since), forKey: .since)
        try container.encode(outage.failures, forKey: .attempts)
        try container.encode(Instant.text(milliseconds: outage.notBefore), forKey: .nextAt)
    }
}

/// A delivery that has failed so far, or was given up.
private struct DeliveryView: Encodable {
    var id: String
    var failure: FailedDelivery
    /// Unix ms; nil where it is tried again.
    var parkedAt: Int64?

    init(_ failing: DeliveryReport.Failing) {
        id = failing.delivery
        failure = failing.failure
    }

    init(_ parked: DeliveryReport.Parked) {
        id = parked.delivery
        failure = parked.failure
        parkedAt = parked.parkedAt
    }

    enum CodingKeys: String, CodingKey {
        case id, alert, event, attempts, reason
        case firstAt = "first_at"
        case nextAt = "next_at"
        case lastError = "last_error"
        case parkedAt = "parked_at"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        // What could not be read has none.
        try container.encode(failure.alert.isEmpty ? nil : failure.alert, forKey: .alert)
        try container.encode(failure.event.isEmpty ? nil : failure.event, forKey: .event)
        try container.encode(failure.attempts, forKey: .attempts)
        let firstAt = failure.attempts == 0 ? nil : Instant.text(milliseconds: failure.firstAt)
        try container.encode(firstAt, forKey: .firstAt)
        if let parkedAt {
            try container.encode(Instant.text(milliseconds: parkedAt), forKey: .parkedAt)
            try container.encode(failure.lastError, forKey: .reason)
        } else {
            try container.encode(Instant.text(milliseconds: failure.nextAt), forKey: .nextAt)
            try container.encode(failure.lastError, forKey: .lastError)
        }
    }
}
