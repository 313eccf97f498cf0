/// A setting of Redis that can lose counters. The raw value is its name in `--allow`.
package enum RedisRisk: String, Sendable, CaseIterable {
    case eviction = "redis-eviction"
    case persistence = "redis-persistence"
    case replica = "redis-replica"
    /// Redis does not report its settings.
    case unchecked = "redis-unchecked"

    /// A risk of a Redis, with a sentence for the operator.
    struct Finding: Sendable, Equatable {
        var risk: RedisRisk
        var sentence: String

        /// The finding about a Redis that denies INFO.
        static let unchecked = Finding(
            risk: .unchecked,
            sentence: "Redis denies INFO, so its settings cannot be checked; grant +info and +config|get")
    }
}

/// Decides for which settings of Redis a sidecar is not ready: with the profile `prod`, for those that can lose counters
/// that matter for days. Pure.
struct RedisGate {
    private let refused: Set<RedisRisk>
    /// The refusals of the last check; nil before the first one.
    private var found: [String]?

    /// - Parameter refused: The risks for which the sidecar is not ready; empty to accept all of them.
    init(refusing refused: Set<RedisRisk>) {
        self.refused = refused
    }

    /// The reasons why the sidecar is not ready, as sentences.
    var reasons: [String] {
        guard !refused.isEmpty else { return [] }
        return found ?? ["the settings of Redis have not been checked yet"]
    }

    /// The difference between two checks.
    enum Change: Equatable {
        case none
        /// The refusals that the check before did not have.
        case refused([String])
        /// The last refusals are gone.
        case mended
    }

    /// Takes the result of a check.
    ///
    /// - Parameter matters: Whether the policy counts over days or longer.
    mutating func take(_ findings: [RedisRisk.Finding], matters: Bool) -> Change {
        let sentences = findings.filter { matters && refused.contains($0.risk) }.map {
            "\($0.sentence), or allow it with --allow \($0.risk.rawValue)"
        }
        defer { found = sentences }
        let new = sentences.filter { found?.contains($0) != true }
        guard new.isEmpty else { return .refused(new) }
        return sentences.isEmpty && found?.isEmpty == false ? .mended : .none
    }
}
