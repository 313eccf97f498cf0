import Histogram
import NIOCore

/// The measurements of a thread or a run.
struct LoadStatistics: Sendable {
    /// Latencies in nanoseconds, with three significant digits and at most one minute.
    private(set) var latencies = Histogram<UInt64>(
        lowestDiscernibleValue: 100, highestTrackableValue: Self.maxLatency, numberOfSignificantValueDigits: .three)
    private static let maxLatency: UInt64 = 60_000_000_000

    private(set) var allow = 0
    private(set) var deny = 0
    private(set) var ok = 0
    private(set) var degraded = 0
    private(set) var errors: [String: Int] = [:]
    private(set) var answered = 0
    /// The number of calls without a reply. Their latencies end when they were given up.
    private(set) var unanswered = 0
    var startsAt = NIODeadline.distantFuture
    private var endsAt = NIODeadline.uptimeNanoseconds(0)

    /// The time from the start of measuring to the last reply.
    var elapsed: TimeAmount { answered == 0 ? .zero : endsAt - startsAt }

    mutating func giveUp(after latency: TimeAmount) {
        record(latency)
        unanswered += 1
    }

    private mutating func record(_ latency: TimeAmount) {
        latencies.record(min(UInt64(max(latency.nanoseconds, 0)), Self.maxLatency))
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

    /// Adds the measurements of another thread of the run.
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
