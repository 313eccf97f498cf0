import TollgateCore
import TollgatePolicy
import TollgateRedis

/// A short text that two policies share only where they decide alike, whatever their files look like: order, comments and spelling
/// do not matter. Pure.
enum PolicyDigest {
    /// Twelve hexadecimal digits.
    static func text(of policy: Policy) -> String {
        String(SHA1.hex(of: (try? CanonicalJSON.text(Canonical(policy))) ?? "").prefix(12))
    }

    /// All of a policy file that decides, with what has no order in alphabetical order.
    private struct Canonical: Encodable {
        struct PlacedTierJSON: Encodable {
            var id: String
            var tier: TierJSON
        }

        struct ScopeLimits: Encodable {
            var scope: String
            var limits: LimitsJSON
        }

        struct SubjectAssignment: Encodable {
            var subject: String
            var assignment: AssignmentJSON
        }

        var currency: String
        var calendar: [String]
        var thresholds: [Int]
        var history: [String]
        var onRedisFailure: [String]
        var defaults: [ScopeLimits]
        var scopes: [ScopeLimits]
        var tiers: [PlacedTierJSON]
        var assignments: [SubjectAssignment]

        init(_ policy: Policy) {
            currency = policy.currency
            calendar = [
                policy.calendar.timeZone, "\(policy.calendar.resetHour)", "\(policy.calendar.billingDay)",
            ]
            thresholds = policy.thresholds
            history = policy.history.sorted() + ["\(policy.historyDays)", "\(policy.historyMonths)"]
            onRedisFailure = Meter.allCases.map { policy.onRedisFailure[$0].rawValue }
            defaults = policy.defaults.map { ScopeLimits(scope: $0.key.description, limits: LimitsJSON($0.value)) }
                .sorted { $0.scope < $1.scope }
            scopes = policy.scopes.map { ScopeLimits(scope: $0.key.description, limits: LimitsJSON($0.value)) }
                .sorted { $0.scope < $1.scope }
            tiers = policy.tiers.map { PlacedTierJSON(id: $0.key, tier: TierJSON($0.value.tier)) }
                .sorted { $0.id < $1.id }
            assignments = policy.assignments.map {
                SubjectAssignment(subject: $0.key.id, assignment: AssignmentJSON($0.value))
            }.sorted { $0.subject < $1.subject }
        }
    }
}
