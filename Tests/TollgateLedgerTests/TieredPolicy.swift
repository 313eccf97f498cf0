import TollgateCore
import TollgatePolicy

/// Two tiers, small and big, with limits of tokens by the month. A request that names nothing finds one of them, one that names the
/// role R the other.
struct TieredPolicy {
    var small: Int64 = 100
    var big: Int64 = 500
    var usual = "small"
    var period = Period.month
    /// Of all users, whatever their tier.
    var defaults: [Limit] = []

    var policy: Policy {
        get throws {
            var policy = Policy()
            for (id, max) in [("small", small), ("big", big)] {
                let limits = [Limit(.tokens, period, max: max, thresholds: [80, 90, 95, 100])]
                policy.tiers[id] = PlacedTier(Tier(id: id, limits: limits), .file)
            }
            policy.assignments[.everyone] = Assignment(.everyone, tier: usual)
            policy.assignments[.role("R")] = Assignment(.role("R"), tier: usual == "small" ? "big" : "small")
            policy.defaults[try ScopeKind(parsing: "user")] = defaults
            return policy
        }
    }
}
