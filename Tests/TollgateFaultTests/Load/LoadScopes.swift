/// The scopes that one round's load is about: new ones every round, so that each round's sums stand by themselves.
struct LoadScopes: Sendable {
    /// No request takes more than a fraction of the limits in all.
    static let policy = """
        on_redis_failure: { requests: open, tokens: open, cost: open, concurrent: open }
        defaults:
          user: &ample { requests: { total: 1000000000 }, tokens: { total: 1000000000000 }, cost: { total: 9000000 } }
          team: *ample
          tool: { requests: { total: \(tightMax) } }
          model:
            requests: { total: 1000000000 }
            tokens: { total: 1000000000000 }
            cost: { total: 9000000 }
            concurrent: \(crowdedMax)
        """

    /// What the tight limit admits.
    static let tightMax = 60
    /// How many reservations may be open on the crowded scope.
    static let crowdedMax = 3

    /// What every user and the team have used before the faults, for REFUND to take from.
    static let opening = CounterSums(tokens: 1_000_000, cost: 1_000_000_000)

    let users: [LoadScope]
    let team: LoadScope
    let tight: LoadScope
    let crowded: LoadScope

    init(tag: String) {
        users = ["a", "b", "c"].map { LoadScope(kind: "user", id: tag + $0) }
        team = LoadScope(kind: "team", id: tag)
        tight = LoadScope(kind: "tool", id: tag)
        crowded = LoadScope(kind: "model", id: tag)
    }

    var all: [LoadScope] { users + [team, tight, crowded] }
}
