package import TollgateCore
import TollgatePolicy

/// When an alert is looked at although no request is about its scope.
extension Alert {
    private static let (minute, day): (Int64, Int64) = (60_000, 86_400_000)

    /// One that still applies is looked at again after so long (ms): half a window or a day, and more often under an override, which
    /// may end before the period does.
    package var reviewInterval: Int64 {
        if source == EffectiveLimit.Source.override.word { return Self.minute }
        if case .sliding(let seconds) = period { return Swift.max(seconds * 500, 5_000) }
        return Self.day
    }

    /// The first time (Unix ms).
    var firstReview: Int64 {
        let isUnderOverride = source == EffectiveLimit.Source.override.word
        guard let endsAt, !isUnderOverride else { return min(openedAt + reviewInterval, endsAt ?? .max) }
        return endsAt
    }
}
