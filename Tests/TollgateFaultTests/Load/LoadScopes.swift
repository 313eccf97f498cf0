/// The scopes that one round's load is about: new ones every round, so that each round's sums stand by themselves.
struct LoadScopes: Sendable {
    /// No request takes more than a fraction of the limits in all.
    static let policy = """
        defaults:
          user: &ample
            requests: { total: { max: 1000000000, on_redis_failure: open } }
            tokens: { total: { max: 1000000000000, on_redis_failure: open } }
            cost: { total: { max: 9000000, on_redis_failure: open } }
          team: *ample
          tool: { requests: { total: { max: \(tightMax), on_redis_failure: open } } }
        """

    /// What the tight limit admits.
    static let tightMax = 60

    /// What every user and the team have used before the faults, for REFUND to take from.
    static let opening = CounterSums(tokens: 1_000_000, cost: 1_000_000_000)

    let users: [LoadScope]
    let team: LoadScope
    let tight: LoadScope

    init(tag: String) {
        users = ["a", "b", "c"].map { LoadScope(kind: "user", id: tag + $0) }
        team = LoadScope(kind: "team", id: tag)
        tight = LoadScope(kind: "tool", id: tag)
    }

    var all: [LoadScope] { users + [team, tight] }
}
