import Histogram
import NIOCore

/// What was measured. A plain value.
struct LoadStatistics: Sendable {
    /// Nanoseconds, to three digits; longer than a minute counts as a minute.
    private(set) var latencies = Histogram<UInt64>(
        lowestDiscernibleValue: 100, highestTrackableValue: Self.longest, numberOfSignificantValueDigits: .three)
    private static let longest: UInt64 = 60_000_000_000

    private(set) var allow = 0
    private(set) var deny = 0
    private(set) var ok = 0
    private(set) var degraded = 0
    private(set) var errors: [String: Int] = [:]
    private(set) var answered = 0
    /// Calls without a reply. Their latencies count as what they had come to when they were given up.
    private(set) var unanswered = 0
    var startsAt = NIODeadline.distantFuture
    private var endsAt = NIODeadline.uptimeNanoseconds(0)

    /// From the start of the measuring to the last reply.
    var elapsed: TimeAmount { answered == 0 ? .zero : endsAt - startsAt }

    mutating func giveUp(after latency: TimeAmount) {
        record(latency)
        unanswered += 1
    }

    private mutating func record(_ latency: TimeAmount) {
        latencies.record(min(UInt64(max(latency.nanoseconds, 0)), Self.longest))
    }

    mutating func add(_ kind: ReplyKind, _ latency: TimeAmount, at time: NIODeadline) {
        record(latency)
        answered += 1
        endsAt = max(endsAt, time)
        switch kind {
        case .allow: allow += 1
        case .deny: deny += 1
        case .ok: ok += 1
        case .degraded: degraded += 1
        case .error(let code): errors[code, default: 0] += 1
        }
    }

    /// Adds what another thread of the same run has measured.
    mutating func add(_ other: LoadStatistics) {
        latencies.add(other.latencies)
        allow += other.allow
        deny += other.deny
        ok += other.ok
        degraded += other.degraded
        errors.merge(other.errors, uniquingKeysWith: +)
        answered += other.answered
        unanswered += other.unanswered
        startsAt = min(startsAt, other.startsAt)
        endsAt = max(endsAt, other.endsAt)
    }
}
