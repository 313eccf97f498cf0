/// The example policy, as in the repository's `tollgate.yaml`.
enum ExamplePolicy {
    static let text = #"""
        # The example policy: what `scripts/run` starts with. Every key is explained in docs/policy.md.
        currency: USD
        timezone: UTC
        reset_hour: 0
        thresholds: [80, 90, 95, 100]
        history: [user, team, project, tenant, tool, provider, account]
        # While Redis is unavailable, a request fails if any limit that applies to it is closed. Here every user has cost
        # limits, so a CHECK of a user fails even if it names no cost.
        on_redis_failure: { requests: open, tokens: open, cost: closed }

        defaults:
          user:
            requests: { 1m: 60, 1h: 1000, 24h: 10000 }
            cost: { day: 20, month: 200 }
          provider:
            requests: { 1m: 5000 }
          user+tool:
            requests: { 1m: 30 }

        scopes:
          tool:createIssues:
            requests: { 1m: 10, 1h: 100 }
            cost: { request: 1.00 }
          provider:openai:
            requests: { 1m: 500 }
            tokens: { 1m: 200000 }
          global:
            cost:
              day: { max: 1000, mode: shadow }

        """#
}
