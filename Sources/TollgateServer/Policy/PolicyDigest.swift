import TollgateCore
package import TollgatePolicy
import TollgateRedis

/// A short digest that two policies share only if they decide alike. Order, comments and formatting of their files do
/// not matter. Pure.
package enum PolicyDigest {
    /// Returns twelve hexadecimal digits.
    package static func text(of policy: Policy) -> String {
        String(SHA1.hex(of: (try? CanonicalJSON.text(Canonical(policy))) ?? "").prefix(12))
    }

    /// The parts of a policy file that affect decisions. Parts without an order are sorted.
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
        /// Nil for 9, the default.
        var decimals: Int?
        var calendar: [String]
        var thresholds: [Int]
        var history: [String]
        /// The keys `kinds`, `unknown_kinds` and `fold_case`; nil if the file has none of them.
        var kinds: [[String]]?
        var onRedisFailure: [String]
        var defaults: [ScopeLimits]
        var scopes: [ScopeLimits]
        var tiers: [PlacedTierJSON]
        var assignments: [SubjectAssignment]
        /// What decides which figures count against the limits of accounts; nil without accounts.
        var accounts: [String: [String]]?
        /// Nil for the default.
        var driftThreshold: Int?
        /// The accounts by the ids that they are bound to; nil without any.
        var bindings: [String: String]?
        /// Nil without prices.
        var prices: PriceTable?
        var unknownModel: UnknownModelRule?

        init(_ policy: Policy) {
            currency = policy.currency
            decimals = policy.moneyUnit == .nano ? nil : policy.moneyUnit.decimals
            calendar = [
                policy.calendar.timeZone, "\(policy.calendar.resetHour)", "\(policy.calendar.billingDay)",
            ]
            thresholds = policy.thresholds
            history = policy.history.sorted() + ["\(policy.historyDays)", "\(policy.historyMonths)"]
            let kinds = [
                policy.kinds.sorted(), policy.unknownKinds == .error ? [] : [policy.unknownKinds.rawValue],
                policy.foldedKinds.sorted(),
            ]
            self.kinds = kinds.allSatisfy(\.isEmpty) ? nil : kinds
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
            let accounts = policy.accounts.mapValues { account in
                ["\(account.billingDay)", account.credential == nil ? "not read" : "read", account.provider.rawValue]
                    + account.filters.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.sorted())" }
            }
            self.accounts = accounts.isEmpty ? nil : accounts
            driftThreshold = policy.driftThreshold == Policy().driftThreshold ? nil : policy.driftThreshold
            bindings = policy.accountBindings.isEmpty ? nil : policy.accountBindings
            prices = policy.prices.isEmpty ? nil : policy.prices
            unknownModel = policy.unknownModel
        }
    }
}
