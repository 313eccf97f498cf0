import TollgateCore

/// The schedule by which the usage of one account is read, and the state of what has been read. Pure; times are Unix
/// milliseconds.
package struct SyncSchedule: Sendable {
    /// The state of an account's figures.
    package enum State: Equatable, Sendable {
        /// The figures are at most ``Settings/staleAfter`` old.
        case fresh
        /// There are no newer figures, and no failure says why.
        ///
        /// - since: The time of the last success, or of the start if there was none.
        case stale(since: Int64)
        /// The last attempt failed.
        ///
        /// - since: The time of the first failure in a row.
        case failing(since: Int64, ProviderFailure)

        /// Whether two states are logged as one: a failure of the same kind is no news.
        fileprivate func isSameKind(as other: State) -> Bool {
            switch (self, other) {
            case (.fresh, .fresh), (.stale, .stale): true
            case (.failing(_, let one), .failing(_, let two)): one.kind == two.kind
            default: false
            }
        }
    }

    /// A change of state to be logged.
    package struct Change: Equatable, Sendable {
        package var from: State
        package var to: State
    }

    /// The intervals of a schedule.
    package struct Settings: Equatable, Sendable {
        /// The minimum of ``interval``, which is the providers' own.
        package static let minInterval = Duration.seconds(60)
        /// The maximum of ``interval``.
        package static let maxInterval = Duration.seconds(86_400)

        /// The time between attempts, if none fails.
        package let interval: Duration
        /// The age at which figures are stale.
        package let staleAfter: Duration

        /// Creates settings. An interval outside of its range becomes the nearest one in it.
        ///
        /// - Parameter staleAfter: Nil for three intervals.
        package init(interval: Duration = minInterval, staleAfter: Duration? = nil) {
            self.interval = min(max(interval, Self.minInterval), Self.maxInterval)
            self.staleAfter = max(staleAfter ?? self.interval * 3, self.interval)
        }
    }

    private static let backoff = Backoff(minDelay: .seconds(60), maxDelay: .seconds(900))
    /// The maximum delay that a provider can ask for.
    private static let maxRetryAfter = Duration.seconds(3_600)
    /// The maximum share by which an interval is longer. It spreads the requests of accounts that started together.
    private static let maxSpread = 0.1

    private let settings: Settings
    /// The start of the schedule.
    private let begun: Int64
    private var failures = 0
    /// The longest time from an attempt to the next one.
    private var delay = Duration.zero
    /// The time before which the provider does not want another attempt, also if an administrator requests one.
    private var notBefore: Int64?

    /// The state at the last event.
    package private(set) var state: State
    /// The time of the last success; nil before the first one. Before it there are no figures, not figures of zero.
    package private(set) var lastSuccess: Int64?
    /// The time at which the next attempt is due.
    package private(set) var nextAttempt: Int64

    /// Creates the schedule of an account. The first attempt is due at once, unless another sidecar has read the account.
    ///
    /// - Parameters:
    ///   - lastSuccess: The time of a success before the start, such as that of another sidecar.
    ///   - nextAttempt: The time of the next attempt by the schedule of another sidecar.
    ///   - failures: The number of its failures in a row.
    package init(
        settings: Settings, lastSuccess: Int64? = nil, nextAttempt: Int64? = nil, failures: Int = 0, now: Int64
    ) {
        self.settings = settings
        self.lastSuccess = lastSuccess
        self.failures = max(0, failures)
        begun = now
        // No schedule waits for longer, but a clock that was set back can make it look so.
        let latest = now + max(settings.interval * (1 + Self.maxSpread), Self.maxRetryAfter).wholeMilliseconds
        self.nextAttempt = min(max(nextAttempt ?? now, now), latest)
        delay = .milliseconds(self.nextAttempt - now)
        state = .stale(since: lastSuccess ?? now)
        _ = advance(to: now)
    }

    /// Whether an attempt is due. One is also due if the clock was set back by more than the delay.
    package func isDue(at now: Int64) -> Bool {
        now >= nextAttempt || nextAttempt - now > delay.wholeMilliseconds
    }

    /// Whether the provider has asked to wait, by Retry-After.
    package func mustWait(at now: Int64) -> Bool {
        notBefore.map { now < $0 && $0 - now <= delay.wholeMilliseconds } ?? false
    }

    /// Records a success. Returns the change of state, if there is one.
    package mutating func succeed(at now: Int64, using generator: inout some RandomNumberGenerator) -> Change? {
        failures = 0
        lastSuccess = now
        notBefore = nil
        schedule(after: spread(using: &generator), now: now)
        return change(to: .fresh)
    }

    /// Records a failure. Returns the change of state, if there is one. A cancelled attempt is none: it is due again.
    package mutating func fail(
        _ failure: ProviderFailure, at now: Int64, using generator: inout some RandomNumberGenerator
    ) -> Change? {
        guard failure.kind != .cancelled else { return nil }
        failures += 1
        let share = Double.random(in: 0.8...1, using: &generator)
        let retry = Self.backoff.delay(afterFailures: failures, jitter: share)
        let asked = min(failure.retryAfter ?? .zero, Self.maxRetryAfter)
        notBefore = failure.retryAfter == nil ? nil : now + asked.wholeMilliseconds
        schedule(after: max(spread(using: &generator), retry, asked), now: now)
        let since = if case .failing(let since, _) = state { since } else { now }
        return change(to: .failing(since: since, failure))
    }

    /// Records that time has passed. Returns the change of state, if figures have become stale.
    package mutating func advance(to now: Int64) -> Change? {
        if case .failing = state { return nil }
        guard let lastSuccess else { return change(to: .stale(since: begun)) }
        let isFresh = now - lastSuccess <= settings.staleAfter.wholeMilliseconds
        return change(to: isFresh ? .fresh : .stale(since: lastSuccess))
    }

    /// The interval, and up to a tenth of it.
    private func spread(using generator: inout some RandomNumberGenerator) -> Duration {
        settings.interval * Double.random(in: 1...1 + Self.maxSpread, using: &generator)
    }

    private mutating func schedule(after delay: Duration, now: Int64) {
        self.delay = delay
        nextAttempt = now + delay.wholeMilliseconds
    }

    private mutating func change(to next: State) -> Change? {
        let previous = state
        state = next
        return previous.isSameKind(as: next) ? nil : Change(from: previous, to: next)
    }
}

extension Duration {
    /// Milliseconds, rounded up.
    fileprivate var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    }
}
