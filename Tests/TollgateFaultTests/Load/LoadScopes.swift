/// The scopes of one round's load. Each round has new ones, so that its sums are its own.
struct LoadScopes: Sendable {
    /// All requests together take only a fraction of these limits.
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

    /// The tight limit.
    static let tightMax = 60
    /// The maximum number of open reservations of the crowded scope.
    static let crowdedMax = 3

    /// The usage of every user and the team before the faults, from which REFUND takes.
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
