import TollgateCore
import TollgatePolicy

/// A policy with two tiers, small and big, that limit tokens per month. A request without traits leads to one of them,
/// a request with the role R to the other.
struct TieredPolicy {
    var small: Int64 = 100
    var big: Int64 = 500
    var usual = "small"
    var period = Period.month
    /// The limits of all users, whatever their tier.
    var defaults: [Limit] = []

    var policy: Policy {
        get throws {
            var policy = Policy()
            for (id, max) in [("small", small), ("big", big)] {
                let limits = [Limit(.tokens, period, max: max, thresholds: [80, 90, 95, 100])]
                policy.tiers[id] = TierEntry(Tier(id: id, limits: limits), .file)
            }
            policy.assignments[.everyone] = Assignment(.everyone, tier: usual)
            policy.assignments[.role("R")] = Assignment(.role("R"), tier: usual == "small" ? "big" : "small")
            policy.defaults[try ScopeKind(parsing: "user")] = defaults
            return policy
        }
    }
}
