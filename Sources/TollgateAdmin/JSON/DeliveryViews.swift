import TollgateCore
import TollgateLedger
import TollgateStores

/// A receiver of alerts and the state of its deliveries.
struct ReceiverView: Encodable {
    var receiver: AlertReceiver
    var report: DeliveryReport

    init(_ receiver: AlertReceiver, _ report: DeliveryReport) {
        self.receiver = receiver
        self.report = report
    }

    enum CodingKeys: String, CodingKey {
        case name, type, to, kinds, meters, severities, unread, pending, failing, outage
        case deadLettered = "dead_lettered"
        case failingCount = "failing_count"
        case deadLetteredCount = "dead_lettered_count"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(receiver.name, forKey: .name)
        try container.encode(receiver.type.rawValue, forKey: .type)
        try container.encode(receiver.address, forKey: .to)
        let filter = receiver.filter
        try container.encode(filter.kinds?.map(\.description).sorted(), forKey: .kinds)
        try container.encode(filter.meters?.map(\.name).sorted(), forKey: .meters)
        try container.encode(filter.severities?.map(\.rawValue).sorted(), forKey: .severities)
        try container.encode(report.unread, forKey: .unread)
        try container.encode(report.pending, forKey: .pending)
        try container.encode(report.failingCount, forKey: .failingCount)
        try container.encode(report.failing.map { DeliveryView($0) }, forKey: .failing)
        try container.encode(report.outage.map { OutageView(outage: $0) }, forKey: .outage)
        try container.encode(report.deadLetteredCount, forKey: .deadLetteredCount)
        try container.encode(report.deadLettered.map { DeliveryView($0) }, forKey: .deadLettered)
    }
}

/// The outcome of a test message.
struct ReceiverTestView: Encodable {
    var receiver: AlertReceiver
    var test: ReceiverTest

    enum CodingKeys: String, CodingKey {
        case receiver, type, to, delivered, status, error, milliseconds
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(receiver.name, forKey: .receiver)
        try container.encode(receiver.type.rawValue, forKey: .type)
        try container.encode(receiver.address, forKey: .to)
        try container.encode(test.failure == nil, forKey: .delivered)
        try container.encode(test.status, forKey: .status)
        try container.encode(test.failure, forKey: .error)
        try container.encode(Int64(test.duration / .milliseconds(1)), forKey: .milliseconds)
    }
}

/// The numbers of deliveries that a retry has put forward.
struct DeliveryRetryView: Encodable {
    var receiver: String
    var retry: DeliveryRetry

    enum CodingKeys: String, CodingKey {
        case receiver, retried, requeued, unavailable
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(receiver, forKey: .receiver)
        try container.encode(retry.retried, forKey: .retried)
        try container.encode(retry.requeued, forKey: .requeued)
        try container.encode(retry.unavailable, forKey: .unavailable)
    }
}

/// A failure of a receiver as a whole.
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

/// A delivery that has failed, or that is dead-lettered.
private struct DeliveryView: Encodable {
    var id: String
    var failure: FailedDelivery
    /// Unix time in milliseconds. Nil while the delivery is retried.
    var deadLetteredAt: Int64?

    init(_ failing: DeliveryReport.Failing) {
        id = failing.delivery
        failure = failing.failure
    }

    init(_ deadLettered: DeliveryReport.DeadLettered) {
        id = deadLettered.delivery
        failure = deadLettered.failure
        deadLetteredAt = deadLettered.deadLetteredAt
    }

    enum CodingKeys: String, CodingKey {
        case id, alert, event, attempts, reason
        case firstAt = "first_at"
        case nextAt = "next_at"
        case lastError = "last_error"
        case deadLetteredAt = "dead_lettered_at"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        // An event that could not be decoded has no alert.
        try container.encode(failure.alert.isEmpty ? nil : failure.alert, forKey: .alert)
        try container.encode(failure.event.isEmpty ? nil : failure.event, forKey: .event)
        try container.encode(failure.attempts, forKey: .attempts)
        let firstAt = failure.attempts == 0 ? nil : Instant.text(milliseconds: failure.firstAt)
        try container.encode(firstAt, forKey: .firstAt)
        if let deadLetteredAt {
            try container.encode(Instant.text(milliseconds: deadLetteredAt), forKey: .deadLetteredAt)
            try container.encode(failure.lastError, forKey: .reason)
        } else {
            try container.encode(Instant.text(milliseconds: failure.nextAt), forKey: .nextAt)
            try container.encode(failure.lastError, forKey: .lastError)
        }
    }
}
