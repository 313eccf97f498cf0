import Foundation
import Testing

@testable import TollgateCore
@testable import TollgatePolicy

@Suite("Policy file")
struct PolicyFileTests {
    private let example = """
        currency: EUR
        timezone: Europe/Berlin
        reset_hour: 6
        billing_day: 15
        thresholds: [50, 100, 150]
        history: [user, region, global]
        history_days: 400
        history_months: 1
        on_redis_failure: { requests: closed, tokens: closed, output_tokens: open, cost: open }

        defaults:                # every scope of a kind
          user:     { requests: { 1m: 60, 1h: 1000, 24h: 10000 } }
          tool+user: { requests: { 1m: 20 } }
        scopes:
          tool:createIssues:
            requests: { 1m: 10 }
            cost: { request: 1.00, month: 100.000000001 }
          "user:Alice B":
            requests:
              1m: { max: 600, mode: shadow, thresholds: [50, 100], on_redis_failure: closed }
              1h: null
              request: 0
          global:
            tokens: { total: 9000000000000000 }
        """

    @Test("settings are read")
    func settings() throws {
        let policy = try Policy(yaml: example, file: "tollgate.yaml")
        #expect(policy.currency == "EUR")
        #expect(policy.calendar == (try CalendarRules(timeZone: "Europe/Berlin", resetHour: 6, billingDay: 15)))
        #expect(policy.thresholds == [50, 100, 150])
        #expect(policy.history == ["user", "region", "global"])
        #expect(policy.historyDays == 400 && policy.historyMonths == 1)
        #expect(Policy.empty.historyDays == 35 && Policy.empty.historyMonths == 14)
        #expect(policy.onRedisFailure[.requests] == .closed)
        #expect(policy.onRedisFailure[.inputTokens] == .closed)
        #expect(policy.onRedisFailure[.outputTokens] == .open)
        #expect(policy.onRedisFailure[.cost] == .open)
        let warnings = policy.warnings.map(\.description)
        let path = "scopes.user:Alice B.requests.1m"
        #expect(
            warnings == ["tollgate.yaml:20: \(path): replaces the enforced 60 of defaults, so nothing is denied"])
    }

    @Test("limits on tokens and cost may charge reservations that expire, in JSON too")
    func onExpiry() throws {
        let yaml = "defaults: { user: { tokens: { 1m: 5 }, cost: { day: { max: 20, on_expiry: charge } } } }"
        let limits = try Policy(yaml: yaml, file: "f").defaults[ScopeKind(parsing: "user")] ?? []
        #expect(limits.map(\.onExpiry) == [nil, .charge])
        let json = try CanonicalJSON.text(LimitsJSON(limits))
        #expect(json == #"{"cost":{"day":{"max":"20","mode":"enforce","on_expiry":"charge"}},"tokens":{"1m":5}}"#)
        #expect(try PolicyJSON.limits(Data(json.utf8), .nano) == limits)
    }

    @Test("a sidecar's file has a limit, or says no_limits")
    func noLimits() throws {
        let sentence =
            "f:1: no limits: expected at least one under defaults:, scopes:, tiers: or accounts:, or no_limits: true"
        for text in [
            "", "# nothing\n", "currency: EUR\n", "defaults:\n", "defaults: {}\n", "scopes: { global: {} }\n",
            "tiers: { basic: { limits: {} } }\n", "no_limits: false\n",
        ] {
            let error = #expect(throws: PolicyError.self, "\(text)") { try Policy(wholeFile: text, file: "f") }
            #expect(error?.description == sentence)
            #expect(try Policy(yaml: text, file: "f").hasLimits == false)
        }
        for text in [
            "no_limits: true\n", "currency: EUR\nno_limits: true\ndefaults: {}\n",
            "defaults: { user: { concurrent: 3 } }", "scopes: { global: { cost: { day: null } } }",
            "tiers: { basic: { limits: { requests: { 1m: { max: 5, mode: shadow } } } } }",
        ] {
            #expect(throws: Never.self, "\(text)") { try Policy(wholeFile: text, file: "f") }
        }
    }

    @Test("limits are read in order")
    func limits() throws {
        let policy = try Policy(yaml: example, file: "tollgate.yaml")
        #expect(
            policy.defaults[try ScopeKind(parsing: "user")] == [
                Limit(.requests, .sliding(seconds: 60), max: 60),
                Limit(.requests, .sliding(seconds: 3_600), max: 1_000),
                Limit(.requests, .sliding(seconds: 86_400), max: 10_000),
            ])
        #expect(
            policy.scopes[try Scope(parsing: "tool:createIssues")] == [
                Limit(.requests, .sliding(seconds: 60), max: 10), Limit(.cost, .request, max: 1_000_000_000),
                Limit(.cost, .month, max: 100_000_000_001),
            ])
        #expect(
            policy.scopes[try Scope(parsing: "user:Alice B")] == [
                Limit(.requests, .request, max: 0),
                Limit(
                    .requests, .sliding(seconds: 60), max: 600, mode: .shadow, thresholds: [50, 100],
                    onRedisFailure: .closed),
                Limit(.requests, .sliding(seconds: 3_600), max: nil),
            ])
        #expect(policy.scopes[.global] == [Limit(.tokens, .total, max: 9_000_000_000_000_000)])
        #expect(policy.compositeKinds.map(\.description) == ["user+tool"])
    }

    @Test(
        "an empty file is the empty policy",
        arguments: ["", "\n", "# nothing yet\n", "---\n", "{}", "defaults:\nscopes:\n  # user:alice:\n", "\u{FEFF}{}"])
    func empty(yaml: String) throws {
        #expect(try Policy(yaml: yaml, file: "f") == .empty)
    }

    @Test("by default requests and tokens are open, cost is closed, and there are no limits")
    func builtIn() {
        #expect(Policy.empty.currency == "USD")
        #expect(Policy.empty.calendar.timeZone == "UTC")
        #expect(Policy.empty.thresholds == [80, 90, 95, 100])
        #expect(Policy.empty.onRedisFailure[.requests] == .open)
        #expect(Policy.empty.onRedisFailure[.outputTokens] == .open)
        #expect(Policy.empty.onRedisFailure[.cost] == .closed)
        #expect(!Policy.empty.history.contains("model"))
        #expect(Policy.empty.limits(for: .global).isEmpty)
    }

    @Test("lines may end in CR LF")
    func carriageReturns() throws {
        let policy = try Policy(
            yaml: example.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n"), file: "f")
        #expect(policy == (try Policy(yaml: example, file: "f")))
        let error = #expect(throws: PolicyError.self) { try Policy(yaml: "currency: USD\r\n\r\nfoo: 1\r\n", file: "f") }
        #expect(error?.problems.first?.line == 3)
    }

    @Test(
        "null is unlimited, in each of its spellings", arguments: ["null", "~", "Null", "{ max: null }", "{ max: ~ }"])
    func null(value: String) throws {
        let policy = try Policy(yaml: "scopes: { global: { requests: { 1m: \(value) } } }", file: "f")
        #expect(policy.scopes[.global] == [Limit(.requests, .sliding(seconds: 60), max: nil)])
    }

    @Test(
        "money is parsed from its text",
        arguments: [("0.1", 100_000_000), ("0.300000000", 300_000_000), ("9000000", 9_000_000_000_000_000), ("0", 0)])
    func money(text: String, nanos: Int64) throws {
        let policy = try Policy(yaml: "scopes: { global: { cost: { day: \(text) } } }", file: "f")
        #expect(policy.scopes[.global]?.first?.max == nanos)
    }

    @Test("aliases are resolved")
    func aliases() throws {
        let policy = try Policy(
            yaml: """
                defaults:
                  user: &few { requests: &minute { 1m: 60 } }
                  tool: *few
                scopes:
                  user:a*: { requests: *minute, tokens: { 1m: 5 } }
                """, file: "f")
        #expect(policy.defaults[try ScopeKind(parsing: "tool")] == policy.defaults[try ScopeKind(parsing: "user")])
        #expect(policy.scopes[try Scope(parsing: "user:a*")]?.count == 2)
    }
}

@Suite("Limits of a scope")
struct PolicyLimitsTests {
    private let policy = Result {
        try Policy(
            yaml: """
                defaults:
                  user:
                    requests: { month: 9000, 1h: 1000, request: 5, 1m: 60 }
                    cost: { day: 5, total: 100 }
                scopes:
                  user:alice:
                    requests: { 60s: 600, 1h: null }
                    tokens: { week: 7, day: 6 }
                    cost: { day: { max: 20, thresholds: [], on_redis_failure: open } }
                """, file: "f")
    }

    @Test("limits of scopes take precedence over defaults, limit by limit")
    func merge() throws {
        let limits = try policy.get().limits(for: Scope(parsing: "user:alice"))
        #expect(
            limits.map { "\($0.limit.name) \($0.limit.max ?? -1) \($0.source.word)" } == [
                "requests/request 5 defaults", "requests/1m 600 scope", "requests/1h -1 scope",
                "requests/month 9000 defaults", "tokens/day 6 scope", "tokens/week 7 scope",
                "cost/day 20000000000 scope",
                "cost/total 100000000000 defaults",
            ])
    }

    @Test("other scopes of the kind have the defaults")
    func defaultsOnly() throws {
        let limits = try policy.get().limits(for: Scope(parsing: "user:bob"))
        #expect(
            limits.map(\.limit.name) == [
                "requests/request", "requests/1m", "requests/1h", "requests/month", "cost/day", "cost/total",
            ])
        #expect(limits.allSatisfy { $0.source == .defaults })
        #expect(try policy.get().limits(for: Scope(parsing: "tool:x")).isEmpty)
        #expect(try policy.get().limits(for: Scope(parsing: "user:bob+tool:x")).isEmpty)
    }

    @Test("the policy's thresholds apply to calendar and total limits, and its failure rules to all")
    func filledIn() throws {
        let limits = try policy.get().limits(for: Scope(parsing: "user:alice"))
        let byName = Dictionary(uniqueKeysWithValues: limits.map { ($0.limit.name, $0) })
        #expect(byName["requests/1m"]?.thresholds == [])
        #expect(byName["requests/request"]?.thresholds == [])
        #expect(byName["requests/month"]?.thresholds == [80, 90, 95, 100])
        #expect(byName["cost/total"]?.thresholds == [80, 90, 95, 100])
        #expect(byName["cost/day"]?.thresholds == [])
        #expect(byName["cost/day"]?.onRedisFailure == .open)
        #expect(byName["cost/total"]?.onRedisFailure == .closed)
        #expect(byName["tokens/day"]?.onRedisFailure == .open)
    }
}
