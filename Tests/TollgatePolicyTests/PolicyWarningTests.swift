import Testing

@testable import TollgateCore
@testable import TollgatePolicy

@Suite("Warnings about limits without effect")
struct PolicyWarningTests {
    private func warnings(_ meters: String) throws -> [String] {
        try Policy(yaml: "defaults:\n  user: { \(meters) }\n", file: "t.yaml").warnings.map {
            String($0.description.trimmingPrefix("t.yaml:2: defaults.user."))
        }
    }

    @Test(
        "a limit that admits at least as much as one over a longer period has no effect",
        arguments: [
            (
                "requests: { 1m: 100, 1h: 100 }",
                "requests.1m: can never matter: requests/1h admits no more than 100 in a longer time (line 2)"
            ),
            (
                "tokens: { 1m: 200, 1h: 100 }",
                "tokens.1m: can never matter: tokens/1h admits no more than 100 in a longer time (line 2)"
            ),
            (
                "cost: { request: 0.5, 1h: 0.50 }",
                "cost.request: can never matter: cost/1h admits no more than 0.5 in a longer time (line 2)"
            ),
            (
                "requests: { request: 9, day: 5 }",
                "requests.request: can never matter: requests/day admits no more than 5 in a longer time (line 2)"
            ),
            (
                "cost: { day: 20, month: 20 }",
                "cost.day: can never matter: cost/month admits no more than 20 in a longer time (line 2)"
            ),
            (
                "cost: { month: 20, total: 10 }",
                "cost.month: can never matter: cost/total admits no more than 10 in a longer time (line 2)"
            ),
            (
                "requests: { 1m: 0, 1h: 0 }",
                "requests.1m: can never matter: requests/1h admits no more than 0 in a longer time (line 2)"
            ),
        ])
    func shorter(meters: String, warning: String) throws {
        #expect(try warnings(meters) == [warning])
    }

    @Test(
        "a limit of an account that names figures which there are not is a warning",
        arguments: [
            (
                "anthropic", "requests: { month: { max: 5, source: provider } }",
                "requests.month: only own usage counts, as anthropic reports no requests"
            ),
            (
                "openai", "cost: { day: { max: 5, source: max } }",
                "cost.day: only own usage in EUR counts, as providers report US dollars"
            ),
        ])
    func figures(provider: String, meters: String, sentence: String) throws {
        let yaml = """
            currency: EUR
            accounts:
              a: { provider: \(provider), credential_env: K, limits: { \(meters), tokens: { day: 1 } } }
            """
        let warnings = try Policy(yaml: yaml, file: "t.yaml").warnings.map(\.description)
        #expect(warnings == ["t.yaml:3: accounts.a.limits.\(sentence)"])
    }

    @Test("an id with a star is a warning: it is no pattern")
    func star() throws {
        let policy = try Policy(
            yaml: "scopes:\n  user:*: { requests: { 1h: 2 } }\n  user:a: { requests: { 1h: 2 } }", file: "t.yaml")
        #expect(
            policy.warnings.map(\.description) == [
                """
                t.yaml:2: scopes.user:*: * is a plain character, not a wildcard; limits of each user are written under \
                defaults:
                """
            ])
        #expect(policy.scopes.count == 2)
    }

    @Test("a kind=id is one id, and an error if it reads as a joined scope")
    func equalsSign() throws {
        let policy = try Policy(yaml: "scopes:\n  user=bob+x: { requests: { 1h: 2 } }", file: "t.yaml")
        #expect(policy.scopes.keys.map(\.description) == ["user:bob++x"])
        let error = #expect(throws: PolicyError.self) {
            try Policy(yaml: "scopes:\n  user=a+tool=t: { requests: { 1h: 1 } }", file: "t.yaml")
        }
        #expect(
            error?.problems.map(\.description) == [
                """
                t.yaml:2: scopes.user=a+tool=t: user=a+tool=t: write user:a+tool:t for the joined scope, or user:a++tool=t for \
                the id
                """
            ])
    }

    @Test("a shadow limit that takes the place of an enforced default is reported, of a scope and of a tier")
    func shadowInsteadOfEnforced() throws {
        let policy = try Policy(
            yaml: """
                defaults: { user: { requests: { 1m: 60 }, cost: { day: 2.5 }, tokens: { 1h: { max: 5, mode: shadow } } } }
                scopes:
                  user:trap: { requests: { 60s: { max: 2, mode: shadow }, 1h: { max: 2, mode: shadow } } }
                  user:meant: { requests: { 1m: null }, cost: { day: { max: null, mode: shadow } }, tokens: { 1h: 3 } }
                  tool:t: { requests: { 1m: { max: 2, mode: shadow } } }
                tiers:
                  trial:
                    limits: { cost: { day: { max: 1, mode: shadow } }, tokens: { 1h: { max: 1, mode: shadow } } }
                """, file: "t.yaml")
        let replaced = "so nothing is denied"
        #expect(
            policy.warnings.map(\.description) == [
                "t.yaml:3: scopes.user:trap.requests.60s: replaces the enforced 60 of defaults, \(replaced)",
                "t.yaml:8: tiers.trial.limits.cost.day: replaces the enforced 2.5 of defaults, \(replaced)",
            ])
    }

    @Test(
        "a name in an assignment that begins with its kind is reported",
        arguments: [
            ("user", "user:typo", "is the id user:typo; did you mean typo?"),
            ("user", "user=typo", "is the id user=typo; did you mean typo?"),
            ("role", "role:Staff", "is the role role:Staff; did you mean Staff?"),
            ("user", "user", nil), ("user", "auth0:7", nil), ("user", "user:", nil), ("role", "user:x", nil),
        ])
    func kindInName(kind: String, name: String, warning: String?) throws {
        let yaml = "tiers: { x: { limits: {} } }\nassignments:\n  - { \(kind): \"\(name)\", tier: x }"
        #expect(
            try Policy(yaml: yaml, file: "t.yaml").warnings.map(\.description)
                == (warning.map { ["t.yaml:3: assignments.\(kind): \($0)"] } ?? []))
    }

    @Test("a window of requests that a shorter one never fills has no effect")
    func longer() throws {
        #expect(
            try warnings("requests: { 1m: 60, 1h: 3600 }") == [
                "requests.1h: can never matter: requests/1m admits at most 3600 in that time (line 2)"
            ])
        // 60 seconds take three windows of 25.
        #expect(
            try warnings("requests: { 25s: 10, 1m: 30 }") == [
                "requests.1m: can never matter: requests/25s admits at most 30 in that time (line 2)"
            ])
        #expect(try warnings("requests: { 25s: 10, 1m: 29 }").isEmpty)
    }

    @Test(
        "other limits have an effect",
        arguments: [
            "requests: { 1m: 60, 1h: 3599 }", "requests: { 1m: 99, 1h: 100 }",
            "requests: { 1m: 60, 1h: 1000, 24h: 10000 }",
            // RECORD counts past limits, so the shorter window can be exceeded.
            "tokens: { 1m: 60, 1h: 3600 }", "cost: { 1m: 1, 1h: 60 }",
            // A sliding window across midnight counts on both days.
            "requests: { 1h: 100, day: 100 }", "tokens: { week: 100, month: 100 }",
            "requests: { 1m: null, 1h: 100 }", "requests: { 1m: 100, 1h: null }",
            "requests: { 1m: { max: 100, mode: shadow }, 1h: 100 }",
            "requests: { 1m: 100, 1h: { max: 100, mode: shadow } }",
            "requests: { 1m: 100 }, tokens: { 1h: 100 }", "requests: { 1s: 8000000000000000, 31d: 9000000000000000 }",
        ])
    func quiet(meters: String) throws {
        #expect(try warnings(meters).isEmpty)
    }

    @Test("a scope's limits are compared with its defaults, and only its own limits are reported")
    func scopes() throws {
        let policy = try Policy(
            yaml: """
                defaults:
                  user: { requests: { 1m: 60, 1h: 100 } }
                scopes:
                  user:alice: { requests: { 1m: 500 } }
                  user:bob: { requests: { 1h: 10 } }
                  user:carol: { requests: { 1m: 500, 1h: null } }
                """, file: "t.yaml")
        #expect(
            policy.warnings.map(\.description) == [
                "t.yaml:4: scopes.user:alice.requests.1m: can never matter: requests/1h admits no more than 100"
                    + " in a longer time (line 2)"
            ])
    }
}
