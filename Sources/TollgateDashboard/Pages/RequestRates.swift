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
    /// The age from which a sample says nothing about the current rate.
    private static let maxAge = Duration.seconds(120)
    private static let minAge = Duration.seconds(5)
    private let samples: Mutex<[Sample]>

    init(startedAt: ContinuousClock.Instant = .now) {
        // All counts were 0 at the start.
        samples = Mutex([Sample(at: startedAt, counts: Counts(decisions: 0, denied: 0))])
    }

    /// Notes the counts. Returns the rates since the latest sample that is at least a minute old, or else since the
    /// oldest. Nil without a sample of the last two minutes that is at least five seconds old.
    func rates(_ counts: Counts, at now: ContinuousClock.Instant = .now) -> Rates? {
        samples.withLock { samples in
            samples.removeAll { now - $0.at > Self.maxAge }
            samples.removeFirst(samples.lastIndex { now - $0.at >= Self.span } ?? 0)
            let reference = samples.first
            if samples.last.map({ now - $0.at >= Self.minAge }) ?? true {
                samples.append(Sample(at: now, counts: counts))
            }
            guard let reference, now - reference.at >= Self.minAge else { return nil }
            let milliseconds = Int((now - reference.at) / .milliseconds(1))
            func rate(_ count: Int) -> Int { max(count, 0) * 600_000 / milliseconds }
            return Rates(
                decisions: rate(counts.decisions - reference.counts.decisions),
                denied: rate(counts.denied - reference.counts.denied))
        }
    }
}
