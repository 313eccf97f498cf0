import Testing

@testable import TollgateCore
@testable import TollgatePolicy

@Suite("Errors in tiers and assignments of a policy file")
struct TierErrorTests {
    private func problems(_ yaml: String) -> [String] {
        do throws(PolicyError) {
            _ = try Policy(yaml: yaml, file: "t.yaml")
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    private static let label = "expected 1 to 200 bytes of text without control characters"

    @Test(
        "tiers",
        arguments: [
            ("tiers: 5", "1: tiers: expected a map of tiers such as basic:"),
            ("tiers:\n  a b: { limits: {} }", "2: tiers.a b: the id of a tier is 1 to 64 of A-Z a-z 0-9 _ -"),
            ("tiers:\n  a:\n", "2: tiers.a: expected a map such as { limits: { cost: { month: 100 } } }"),
            ("tiers:\n  a: { name: A }", "2: tiers.a.limits: is missing"),
            (
                "tiers:\n  a:\n    limits: {}\n    limit: {}",
                "4: tiers.a.limit: unknown key; did you mean limits? (expected one of name, description, enabled, limits, timezone, reset_hour, billing_day)"
            ),
            (
                "tiers:\n  a:\n    limits: 5",
                "3: tiers.a.limits: expected a map of meters such as { requests: { 1m: 60 } }"
            ),
            (
                "tiers:\n  a:\n    limits:\n      requests: { 1x: 5 }",
                "4: tiers.a.limits.requests.1x: \(PolicyErrorTests.periodWords)"
            ),
            (
                "tiers:\n  a:\n    limits:\n      cost:\n        month: much",
                "5: tiers.a.limits.cost.month: expected a decimal number such as 0.25, or null for unlimited, found much"
            ),
            (
                "tiers: { a: { limits: { cost: { month: '5' } } } }",
                "1: tiers.a.limits.cost.month: expected a decimal number such as 0.25, or null for unlimited, found text in quotes: \"5\""
            ),
            ("tiers: { a: { limits: {}, name: '' } }", "1: tiers.a.name: \(label)"),
            ("tiers: { a: { limits: {}, name: \"a\\nb\" } }", "1: tiers.a.name: \(label)"),
            ("tiers: { a: { limits: {}, name: [] } }", "1: tiers.a.name: expected text"),
            (
                "tiers: { a: { limits: {}, timezone: null } }",
                "1: tiers.a.timezone: expected a time zone such as Europe/Berlin"
            ),
            (
                "tiers: { a: { limits: {}, timezone: EST } }",
                "1: tiers.a.timezone: unknown time zone EST; expected UTC or an IANA name such as Europe/Berlin"
            ),
            (
                "tiers: { a: { limits: {}, reset_hour: 24 } }",
                "1: tiers.a.reset_hour: expected a whole number from 0 to 23, found 24"
            ),
            (
                "tiers: { a: { limits: {}, billing_day: 0 } }",
                "1: tiers.a.billing_day: expected a whole number from 1 to 31, found 0"
            ),
        ])
    func tiers(yaml: String, problem: String) {
        #expect(problems(yaml) == ["t.yaml:\(problem)"])
    }

    @Test("a tier has at most 64 limits, and a name of 200 bytes")
    func bounds() {
        func tier(_ limits: Int) -> String {
            "tiers: { a: { limits: { requests: { \((1...limits).map { "\($0)s: 5" }.joined(separator: ", ")) } } } }"
        }
        #expect(problems(tier(64)) == [])
        #expect(problems(tier(65)) == ["t.yaml:1: tiers.a.limits: 65 limits; there may be at most 64"])
        func named(_ length: Int) -> String {
            "tiers: { a: { limits: {}, name: \(String(repeating: "n", count: length)) } }"
        }
        #expect(problems(named(200)) == [])
        #expect(problems(named(201)) == ["t.yaml:1: tiers.a.name: \(Self.label)"])
    }

    private static let keys = "user, role, email_domain, default"

    @Test(
        "assignments",
        arguments: [
            ("[5]", "3: assignments: expected a map such as { role: Faculty, tier: premium }"),
            ("[{ tier: a }]", "3: assignments: expected exactly one of \(keys)"),
            ("[{ user: u, role: r, tier: a }]", "3: assignments: expected exactly one of \(keys)"),
            (
                "[{ role: r, tier: a,\n    prio: 5 }]",
                "4: assignments.prio: unknown key; expected one of \(keys), tier, priority, enabled"
            ),
            ("[{ default: false, tier: a }]", "3: assignments.default: expected true, found false"),
            ("[{ default: 'true', tier: a }]", "3: assignments.default: expected true, found text in quotes: \"true\""),
            ("[{ user: null, tier: a }]", "3: assignments.user: expected a name"),
            ("[{ user: '', tier: a }]", "3: assignments.user: user: empty id"),
            ("[{ role: 'a,b', tier: a }]", "3: assignments.role: role: a comma in the name"),
            ("[{ role: \"a\\tb\", tier: a }]", "3: assignments.role: role: control character in id"),
            (
                "[{ email_domain: a@b.c, tier: a }]",
                "3: assignments.email_domain: email_domain: expected a domain such as example.com"
            ),
            ("[{ role: r }]", "3: assignments.tier: is missing"),
            ("[{ role: r, tier: [] }]", "3: assignments.tier: expected the id of a tier"),
            ("[{ role: r, tier: a b }]", "3: assignments.tier: the id of a tier is 1 to 64 of A-Z a-z 0-9 _ -"),
            ("[{ role: r, tier: b }]", "3: assignments: b: no such tier in this file"),
            (
                "[{ role: r, tier: a, priority: 1.5 }]",
                "3: assignments.priority: expected a whole number from -1000000 to 1000000, found 1.5"
            ),
            (
                "[{ role: r, tier: a, priority: -1000001 }]",
                "3: assignments.priority: expected a whole number from -1000000 to 1000000, found -1000001"
            ),
            (
                "[{ role: r, tier: a, priority: --1 }]",
                "3: assignments.priority: expected a whole number from -1000000 to 1000000, found --1"
            ),
            (
                "[{ role: r, tier: a, priority: '5' }]",
                "3: assignments.priority: expected a whole number from -1000000 to 1000000, found text in quotes: \"5\""
            ),
            ("[{ role: r, tier: a, enabled: yes }]", "3: assignments.enabled: expected true or false, found yes"),
            (
                "\n  - { role: r, tier: a }\n  - { role: r, tier: a }",
                "5: assignments: role:r is assigned twice, first on line 4"
            ),
            (
                "\n  - { email_domain: A.b, tier: a }\n  - { email_domain: a.B, tier: a }",
                "5: assignments: email_domain:a.b is assigned twice, first on line 4"
            ),
        ])
    func assignments(list: String, problem: String) {
        #expect(problems("tiers:\n  a: { limits: {} }\nassignments: \(list)") == ["t.yaml:\(problem)"])
    }

    @Test("assignments that are not a list, or without tiers in the file, are reported")
    func withoutTiers() {
        #expect(
            problems("assignments: {}")
                == ["t.yaml:1: assignments: expected a list such as - { role: Faculty, tier: premium }"])
        #expect(
            problems("assignments: [{ role: r, tier: a }]") == ["t.yaml:1: assignments: a: no such tier in this file"])
    }

    @Test("a tier with an error is known to assignments")
    func noEcho() {
        #expect(
            problems("tiers: { a: {} }\nassignments: [{ role: r, tier: a }]")
                == ["t.yaml:1: tiers.a.limits: is missing"])
    }
}
