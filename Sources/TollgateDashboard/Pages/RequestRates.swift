import Synchronization

/// The requests and denials a minute of this sidecar, from its counts whenever a page shows them. Usable from any
/// task.
final class RequestRates: Sendable {
    /// The counts since the start of the sidecar.
    struct Counts: Sendable {
        var decisions: Int
        var denied: Int
    }

    /// The rates, in tenths a minute.
    struct Rates: Equatable, Sendable {
        var decisions: Int
        var denied: Int
    }

    private struct Sample {
        var at: ContinuousClock.Instant
        var counts: Counts
    }

    /// The time over which the rates are averaged, if a sample is that old.
    private static let span = Duration.seconds(60)
    private static let minAge = Duration.seconds(5)
    private let samples: Mutex<[Sample]>

    init(startedAt: ContinuousClock.Instant = .now) {
        // All counts were 0 at the start.
        samples = Mutex([Sample(at: startedAt, counts: Counts(decisions: 0, denied: 0))])
    }

    /// Notes the counts. Returns the rates since the latest sample that is at least a minute old, or else since the
    /// oldest. Nil within seconds of the start.
    func rates(_ counts: Counts, at now: ContinuousClock.Instant = .now) -> Rates? {
        samples.withLock { samples in
            let old = samples.lastIndex { now - $0.at >= Self.span } ?? 0
            samples.removeFirst(old)
            let (from, age) = (samples[0].counts, now - samples[0].at)
            if let last = samples.last, now - last.at >= Self.minAge { samples.append(Sample(at: now, counts: counts)) }
            guard age >= Self.minAge else { return nil }
            let milliseconds = Int(age / .milliseconds(1))
            func rate(_ count: Int) -> Int { max(count, 0) * 600_000 / milliseconds }
            return Rates(decisions: rate(counts.decisions - from.decisions), denied: rate(counts.denied - from.denied))
        }
    }
}
