import Testing

@testable import TollgateCore
@testable import TollgatePolicy

@Suite("Errors in a policy file")
struct PolicyErrorTests {
    private func problems(_ yaml: String) -> [String] {
        do throws(PolicyError) {
            _ = try Policy(yaml: yaml, file: "t.yaml")
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    static let meterWords = "expected one of requests, tokens, input_tokens, output_tokens, cost, concurrent"
    static let periodWords = "expected request, day, week, month, total, or a duration such as 30s, 1m, 24h, 7d"
    static let settingKeys =
        "expected one of currency, decimals, timezone, reset_hour, billing_day, thresholds, history, history_days, history_months, kinds, unknown_kinds, fold_case, on_redis_failure, no_limits, defaults, scopes, tiers, assignments, prices, unknown_model, accounts, drift_threshold"

    @Test(
        "settings",
        arguments: [
            ("[]", "1: expected a map of settings such as defaults: and scopes:"),
            ("defaults", "1: expected a map of settings such as defaults: and scopes:"),
            ("limits: {}", "1: limits: unknown key; \(settingKeys)"),
            ("\ndefualts: {}", "2: defualts: unknown key; did you mean defaults? (\(settingKeys))"),
            ("1: 2", "1: 1: unknown key; \(settingKeys)"),
            ("[a]: 2", "1: expected a word as the key"),
            ("tiers: { basic: {} }", "1: tiers.basic.limits: is missing"),
            ("assignments: [{ role: a, tier: basic }]", "1: assignments: basic: no such tier in this file"),
            ("currency: usd", "1: currency: expected three upper-case letters such as USD, found usd"),
            ("currency: EURO", "1: currency: expected three upper-case letters such as USD, found EURO"),
            ("currency: [USD]", "1: currency: expected three upper-case letters such as USD"),
            ("currency:", "1: currency: expected three upper-case letters such as USD"),
            (
                "timezone: Mars/Base",
                "1: timezone: unknown time zone Mars/Base; expected UTC or an IANA name such as Europe/Berlin"
            ),
            ("timezone: null", "1: timezone: expected a time zone such as Europe/Berlin"),
            ("no_limits: maybe", "1: no_limits: expected true or false, found maybe"),
            (
                "defaults: { user: { requests: { 1m: 60 } } }\nno_limits: true",
                "2: no_limits: expected false, or a policy without limits"
            ),
            ("reset_hour: 24", "1: reset_hour: expected a whole number from 0 to 23, found 24"),
            ("reset_hour: -1", "1: reset_hour: expected a whole number from 0 to 23, found -1"),
            ("reset_hour: 06", "1: reset_hour: expected a whole number from 0 to 23, found 06"),
            ("reset_hour: '6'", "1: reset_hour: expected a whole number from 0 to 23, found text in quotes: \"6\""),
            ("reset_hour: 6.0", "1: reset_hour: expected a whole number from 0 to 23, found 6.0"),
            ("reset_hour:", "1: reset_hour: expected a whole number from 0 to 23, found nothing"),
            ("billing_day: 0", "1: billing_day: expected a whole number from 1 to 31, found 0"),
            ("billing_day: 32", "1: billing_day: expected a whole number from 1 to 31, found 32"),
            ("billing_day: {}", "1: billing_day: expected a whole number from 1 to 31, found a map"),
            ("thresholds: 80", "1: thresholds: expected a list of whole numbers such as [80, 90, 95, 100]"),
            ("thresholds: [80,\n 80]", "2: thresholds: expected ascending numbers, each of them once"),
            ("thresholds: [90, 80]", "1: thresholds: expected ascending numbers, each of them once"),
            ("thresholds: [0]", "1: thresholds: expected a whole number from 1 to 1000, found 0"),
            ("thresholds: [1001]", "1: thresholds: expected a whole number from 1 to 1000, found 1001"),
            ("thresholds: [80%]", "1: thresholds: expected a whole number from 1 to 1000, found 80%"),
            ("history: user", "1: history: expected a list of kinds such as [user, tool]"),
            ("history: [user, user]", "1: history: duplicate kind user"),
            ("history: [user+tool]", "1: history: user+tool: history is kept for single kinds only"),
            ("history: [User]", "1: history: User: a kind is a lower-case letter, then up to 31 of a-z 0-9 _"),
            ("history_days: 0", "1: history_days: expected a whole number from 1 to 400, found 0"),
            ("\nhistory_days: 401", "2: history_days: expected a whole number from 1 to 400, found 401"),
            ("history_months: 1.5", "1: history_months: expected a whole number from 1 to 60, found 1.5"),
            ("drift_threshold: 0", "1: drift_threshold: expected a whole number from 1 to 1000, found 0"),
            ("drift_threshold: null", "1: drift_threshold: expected a whole number from 1 to 1000, found null"),
            ("drift_threshold: 2.5", "1: drift_threshold: expected a whole number from 1 to 1000, found 2.5"),
            ("drift_threshold: 1001", "1: drift_threshold: expected a whole number from 1 to 1000, found 1001"),
            ("history_months: 61", "1: history_months: expected a whole number from 1 to 60, found 61"),
            ("history: [[user]]", "1: history: expected a kind such as user"),
            ("on_redis_failure: open", "1: on_redis_failure: expected a map such as { requests: open, cost: closed }"),
            ("on_redis_failure: { cost: close }", "1: on_redis_failure.cost: expected open or closed, found close"),
            ("on_redis_failure: { money: open }", "1: on_redis_failure.money: unknown meter; \(meterWords)"),
            (
                "on_redis_failure: { token: open }",
                "1: on_redis_failure.token: unknown meter; did you mean tokens? (\(meterWords))"
            ),
        ])
    func settings(yaml: String, problem: String) {
        #expect(problems(yaml) == ["t.yaml:\(problem)"])
    }

    @Test(
        "kinds, scopes and meters",
        arguments: [
            ("defaults: 5", "1: defaults: expected a map of kinds such as user:"),
            ("defaults:\n  global: {}", "2: defaults.global: global is one scope, not a kind: it belongs under scopes"),
            (
                "defaults:\n  User: {}",
                "2: defaults.User: User: a kind is a lower-case letter, then up to 31 of a-z 0-9 _"
            ),
            ("defaults:\n  user+user: {}", "2: defaults.user+user: user+user: duplicate kind"),
            ("defaults:\n  tokens: {}", "2: defaults.tokens: tokens: is a word of the protocol and cannot be a kind"),
            (
                "defaults:\n  user+tool: {}\n  tool+user: {}",
                "3: defaults.tool+user: duplicate kind user+tool in another spelling"
            ),
            (
                "scopes:\n  user:a+tool:b: {}\n  tool:b+user:a: {}",
                "3: scopes.tool:b+user:a: duplicate scope user:a+tool:b in another spelling"
            ),
            (
                "scopes:\n  alice: {}",
                "2: scopes.alice: alice: expected kind:id or kind=id, such as user:alice"
            ),
            ("scopes:\n  'user:': {}", "2: scopes.user:: user: empty id"),
            ("scopes: []", "1: scopes: expected a map of scopes such as user:alice:"),
            ("defaults:\n  user:", "2: defaults.user: expected a map of meters such as { requests: { 1m: 60 } }"),
            ("defaults:\n  user: 60", "2: defaults.user: expected a map of meters such as { requests: { 1m: 60 } }"),
            (
                "defaults:\n  user: { request: {} }",
                "2: defaults.user.request: unknown meter; did you mean requests? (\(meterWords))"
            ),
            (
                "defaults:\n  user: { concurrent: { total: 1, max: 2 } }",
                "2: defaults.user.concurrent.total: unknown key; expected one of max, mode, on_redis_failure"
            ),
            (
                "defaults:\n  user: { cost: { day: { max: 1, on_expiry: keep } } }",
                "2: defaults.user.cost.day.on_expiry: expected release or charge, found keep"
            ),
            (
                "accounts:\n  a: { provider: openai, credential_env: K, limits: { cost: { day: { max: 1, source: ours } } } }",
                "2: accounts.a.limits.cost.day.source: expected own or provider or max, found ours"
            ),
            (
                "accounts:\n  a: { provider: openai, credential_env: K, limits: { cost: { 1h: { max: 1, source: max } } } }",
                "2: accounts.a.limits.cost.1h.source: unknown key; expected one of max, mode, thresholds, on_redis_failure, on_expiry"
            ),
            (
                "accounts:\n  a: { provider: openai, limits: { cost: { day: { max: 1, source: provider } } } }",
                "2: accounts.a.limits.cost.day.source: provider needs credential_file or credential_env, without which no usage is read"
            ),
            (
                "defaults:\n  user: { cost: { day: { max: 1, source: max } } }",
                "2: defaults.user.cost.day.source: unknown key; expected one of max, mode, thresholds, on_redis_failure, on_expiry"
            ),
            (
                "defaults:\n  user: { requests: { day: { max: 1, on_expiry: charge } } }",
                "2: defaults.user.requests.day.on_expiry: unknown key; expected one of max, mode, thresholds, on_redis_failure"
            ),
            (
                "defaults:\n  user: { cost: { request: { max: 1, on_expiry: charge } } }",
                "2: defaults.user.cost.request.on_expiry: unknown key; expected one of max, mode, thresholds, on_redis_failure"
            ),
            ("defaults:\n  user: { <<: {} }", "2: defaults.user.<<: unknown meter; \(meterWords)"),
            ("defaults:\n  user: { cost: 5 }", "2: defaults.user.cost: expected a map of periods such as { 1m: 60 }"),
        ])
    func scopes(yaml: String, problem: String) {
        #expect(problems(yaml) == ["t.yaml:\(problem)"])
    }

    @Test(
        "periods",
        arguments: [
            ("1x: 60", "1x: \(periodWords)"), ("minute: 60", "minute: did you mean 1m? (\(periodWords))"),
            ("1M: 60", "1M: did you mean 1m? (\(periodWords))"),
            ("1min: 60", "1min: did you mean 1m? (\(periodWords))"),
            ("daily: 60", "daily: did you mean day? (\(periodWords))"),
            ("0s: 60", "0s: a duration is 1s to 31d"), ("32d: 60", "32d: a duration is 1s to 31d"),
            ("1.5h: 60", "1.5h: expected a whole number before the unit h"),
            ("1m: 60, 60s: 60", "60s: the same period as 1m on line 3"),
            ("1d: 60, 24h: 60", "24h: the same period as 1d on line 3"),
        ])
    func periods(entry: String, problem: String) {
        #expect(
            problems("defaults:\n  user:\n    requests: { \(entry) }") == [
                "t.yaml:3: defaults.user.requests.\(problem)"
            ])
    }

    @Test(
        "numbers",
        arguments: [
            "1_000", "0x10", "0o17", "017", "1e3", "1.0", "-1", "+1", "1,000", ".inf", "yes", "sixty", "60/m", "'60'",
            "\"\"",
            "[60]", "1:30", "2026-11-20", "٣", "", "!!int x", "|\n            60",
        ])
    func numbers(value: String) throws {
        let found = problems("defaults:\n  user:\n    requests:\n      1m: \(value)\n")
        #expect(found.count == 1)
        let start =
            "t.yaml:4: defaults.user.requests.1m: expected a whole number such as 60, or null for unlimited, found"
        #expect(try #require(found.first).hasPrefix(start))
    }

    @Test(
        "amounts of money",
        arguments: [
            ("1e3", "expected a decimal number such as 0.25, or null for unlimited, found 1e3"),
            ("-1", "expected a decimal number such as 0.25, or null for unlimited, found -1"),
            ("$5", "expected a decimal number such as 0.25, or null for unlimited, found $5"),
            (".5", "expected a decimal number such as 0.25, or null for unlimited, found .5"),
            ("010", "expected a decimal number such as 0.25, or null for unlimited, found 010"),
            ("'5'", "expected a decimal number such as 0.25, or null for unlimited, found text in quotes: \"5\""),
            ("", "expected a decimal number such as 0.25, or null for unlimited, found nothing"),
            ("0.0000000001", "more than 9 fraction digits"),
            ("9000000.01", "more than 9000000 (the policy's decimals: 9; fewer allow more)"),
            ("99999999999999999999", "more than 9000000 (the policy's decimals: 9; fewer allow more)"),
        ])
    func money(value: String, sentence: String) {
        #expect(
            problems("scopes:\n  global:\n    cost:\n      day: \(value)\n") == [
                "t.yaml:4: scopes.global.cost.day: \(sentence)"
            ])
    }

    @Test("a whole number is at most the largest that Lua compares exactly")
    func largest() {
        for number in ["9000000000000001", "9223372036854775808", "99999999999999999999999"] {
            #expect(
                problems("scopes: { global: { tokens: { day: \(number) } } }") == [
                    "t.yaml:1: scopes.global.tokens.day: more than 9000000000000000"
                ])
        }
    }

    @Test(
        "limits as maps",
        arguments: [
            ("{}", ": max is missing"), ("{ mode: shadow }", ": max is missing"),
            ("{ max: }", ".max: expected a whole number such as 60, or null for unlimited, found nothing"),
            ("{ max: { max: 5 } }", ".max: expected a whole number such as 60, or null for unlimited, found a map"),
            ("{ max: 5, mode: soft }", ".mode: expected enforce or shadow, found soft"),
            ("{ max: 5, mode: }", ".mode: expected enforce or shadow"),
            ("{ max: 5, mode: [shadow] }", ".mode: expected enforce or shadow"),
            ("{ max: 5, on_redis_failure: { requests: open } }", ".on_redis_failure: expected open or closed"),
            ("{ max: 5, thresholds: [5, 5] }", ".thresholds: expected ascending numbers, each of them once"),
            (
                "{ max: 5, treshold: [5] }",
                ".treshold: unknown key; did you mean thresholds? (expected one of max, mode, thresholds, on_redis_failure)"
            ),
        ])
    func maps(value: String, problem: String) {
        #expect(
            problems("defaults: { user: { requests: { 1m: \(value) } } }") == [
                "t.yaml:1: defaults.user.requests.1m\(problem)"
            ])
    }

    @Test(
        "bindings of accounts",
        arguments: [
            ("a: { provider: openai, bind: }", "2: accounts.a.bind: %"),
            ("a: { provider: openai, bind: [x] }", "2: accounts.a.bind: %"),
            ("a: { provider: openai, bind: '' }", "2: accounts.a.bind: provider: empty id"),
            ("a: { provider: openai, bind: \"x\\ty\" }", "2: accounts.a.bind: provider: control character in id"),
            (
                "b: { provider: openai, bind: x }\n  a: { provider: anthropic, bind: x }",
                "3: accounts.a.bind: b and a are both bound to x; expected one account for an id"
            ),
            (
                "b: { provider: openai, bind: X }\n  a: { provider: anthropic, bind: x }\nfold_case: [provider]",
                "3: accounts.a.bind: b and a are both bound to x; expected one account for an id"
            ),
            (
                "B: { provider: openai }\n  b: { provider: openai }\nfold_case: [account]",
                "3: accounts.b: duplicate account b in another spelling"
            ),
        ])
    func bindings(accounts: String, problem: String) {
        let expected = problem.replacing("%", with: "expected the id that requests name with provider=, such as openai")
        #expect(problems("accounts:\n  \(accounts)\n") == ["t.yaml:\(expected)"])
    }

    @Test("all problems are reported, in the order of lines")
    func all() {
        let found = problems(
            """
            scopes:
              tool:a: { requests: { 1m: x } }
            currency: dollars
            defaults:
              user: { requests: { 1x: 60 }, tokens: { 1m: 1_000 } }
            colour: red
            reset_hour: 25
            billing_day: 40
            """)
        #expect(
            found.map { $0.prefix(while: { $0 != " " }) } == [
                "t.yaml:2:", "t.yaml:3:", "t.yaml:5:", "t.yaml:5:", "t.yaml:6:", "t.yaml:7:", "t.yaml:8:",
            ])
    }
}
