import Testing

@testable import TollgateCore
@testable import TollgatePolicy

@Suite("Resolution of limits")
struct PolicyResolutionTests {
    private let file = """
        timezone: Europe/Berlin
        reset_hour: 3
        billing_day: 5
        thresholds: [70]
        on_redis_failure: { requests: open, cost: closed }
        defaults:
          user: { requests: { 1m: 1, 1h: 1, 24h: 1, 7d: 1 }, cost: { month: 10 } }
        scopes:
          user:alice: { requests: { 1m: 2, 1h: 2, 24h: 2 } }
        tiers:
          basic: { limits: { requests: { 1m: 3, 1h: 3, 24h: 3, 7d: 3 }, tokens: { day: 3 } } }
          abroad: { limits: {}, timezone: America/New_York, reset_hour: 6, billing_day: 15 }
          late: { limits: {}, reset_hour: 6 }
        assignments:
          - { default: true, tier: basic }
        """

    private func policy() throws -> Policy { try Policy(yaml: file, file: "t.yaml") }
    private func alice() throws -> Scope { try Scope(parsing: "user:alice") }

    private func described(_ rules: ScopeRules) -> [String] {
        rules.limits.map {
            let max = $0.limit.max.map { "\($0)" } ?? "null"
            return "\($0.limit.name)=\(max) \($0.source.explanation) \($0.source.origin)"
        }
    }

    @Test("the order of precedence is override, admin, file, tier, defaults, limit by limit")
    func precedence() throws {
        let settings = ScopeSettings(
            limits: [
                Limit(.requests, .sliding(seconds: 60), max: 4), Limit(.requests, .sliding(seconds: 3_600), max: 4),
            ],
            override: Override(
                limits: [Limit(.requests, .sliding(seconds: 60), max: nil)], expiresAt: 1_000, reason: "r"))
        let rules = try policy().rules(for: alice(), settings: settings, at: 0)
        #expect(
            described(rules) == [
                "requests/1m=null override admin",
                "requests/1h=4 scope admin",
                "requests/24h=2 scope file",
                "requests/7d=3 tier:basic via default file",
                "tokens/day=3 tier:basic via default file",
                "cost/month=10000000000 defaults file",
            ])
    }

    @Test(
        "an administrator's account replaces the file's; its limits precede the file's, and the scope's own precede both"
    )
    func account() throws {
        let file = try Policy(
            yaml: """
                accounts:
                  main: { provider: openai, billing_day: 5, limits: { tokens: { day: 1, month: 1 }, requests: { day: 1 } } }
                  other: { provider: github }
                """, file: "t.yaml")
        var account = Account(provider: .anthropic)
        account.billingDay = 15
        account.limits = [Limit(.tokens, .day, max: 2), Limit(.tokens, .month, max: 2)]
        let policy = file.merged(with: SharedPolicy(accounts: ["main": account]))
        #expect(policy.accounts["main"] == account && policy.accounts["other"]?.provider == .github)
        let settings = ScopeSettings(limits: [Limit(.tokens, .day, max: 3)])
        let rules = policy.rules(for: try Account.scope("main"), settings: settings)
        #expect(
            described(rules) == [
                "requests/day=1 scope file", "tokens/day=3 scope admin", "tokens/month=2 scope admin",
            ])
        #expect(rules.calendar.billingDay == 15)
        #expect(policy.rules(for: try Account.scope("other")).limits.isEmpty)
    }

    @Test("thresholds and failure rules are filled in for limits of each source")
    func filledIn() throws {
        let rules = try policy().rules(for: alice())
        let tokens = try #require(rules.limits.first { $0.limit.name == "tokens/day" })
        let cost = try #require(rules.limits.first { $0.limit.name == "cost/month" })
        #expect(tokens.thresholds == [70])
        #expect(cost.thresholds == [70])
        #expect(cost.onRedisFailure == .closed)
        #expect(rules.limits[0].thresholds == [])
    }

    @Test("the source of a tier's limit names the role, the domain or default, but not the user")
    func source() throws {
        let policy = try policy()
        let own = ScopeSettings(assignment: Assignment(.user(try alice()), tier: "basic", origin: .admin))
        let rules = policy.rules(for: try alice(), settings: own)
        #expect(described(rules).contains("tokens/day=3 tier:basic via user file"))
        let shared = SharedPolicy(
            tiers: ["basic": Tier(id: "basic", limits: [Limit(.tokens, .day, max: 9)])],
            assignments: [Assignment(.role("A:b"), tier: "basic", order: 1, origin: .admin)])
        let merged = policy.merged(with: shared).rules(for: try alice(), traits: .init(roles: ["A:b"]))
        #expect(described(merged).contains("tokens/day=9 tier:basic via role:A:b admin"))
        #expect(merged.limits.first { $0.limit.meter == .tokens }?.source.word == "tier:basic")
    }

    @Test("the tier's calendar takes precedence over the policy's")
    func calendars() throws {
        let policy = try policy()
        func calendar(_ tier: String?) throws -> CalendarRules {
            let alice = try alice()
            let assignment = tier.map { Assignment(.user(alice), tier: $0, origin: .admin) }
            return policy.rules(for: alice, settings: .init(assignment: assignment)).calendar
        }
        #expect(try calendar(nil) == policy.calendar)
        #expect(try calendar("basic") == policy.calendar)
        #expect(
            try calendar("abroad") == CalendarRules(timeZone: "America/New_York", resetHour: 6, billingDay: 15))
        #expect(try calendar("late") == CalendarRules(timeZone: "Europe/Berlin", resetHour: 6, billingDay: 5))
        let tool = policy.rules(for: try Scope(parsing: "tool:search"), traits: .none)
        #expect(tool.calendar == policy.calendar)
    }

    @Test("a scope of an unknown kind has no limits")
    func nothing() throws {
        let rules = try policy().rules(for: Scope(parsing: "team:a"))
        #expect(rules.limits.isEmpty)
        #expect(rules.choice == nil)
        #expect(rules.expiresAt == nil)
    }
}
