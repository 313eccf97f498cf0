import Foundation
import Testing

@testable import TollgateCore
@testable import TollgatePolicy

@Suite("Tiers and assignments in a policy file")
struct TierFileTests {
    @Test("all settings of tiers and assignments are read")
    func reading() throws {
        let policy = try Policy(
            yaml: """
                tiers:
                  basic: { name: Basic, limits: { cost: { month: 100 } } }
                  premium:
                    limits: { requests: { 60s: 600 }, cost: { month: 500, day: 20 }, concurrent: null }
                    timezone: America/New_York
                    reset_hour: 6
                    billing_day: 15
                assignments:
                  - { user: "Alice, B", tier: premium }
                  - { role: Faculty, tier: premium, priority: -5, enabled: false }
                  - { email_domain: Example.COM, tier: basic }
                  - { default: true, tier: basic }
                """, file: "t.yaml")
        #expect(
            policy.tiers == [
                "basic": TierEntry(
                    Tier(id: "basic", name: "Basic", limits: [Limit(.cost, .month, max: 100_000_000_000)]), .file),
                "premium": TierEntry(
                    Tier(
                        id: "premium",
                        limits: [
                            Limit(.requests, .sliding(seconds: 60), max: 600), Limit(.cost, .day, max: 20_000_000_000),
                            Limit(.cost, .month, max: 500_000_000_000), Limit(.concurrent, .reservation, max: nil),
                        ], timeZone: "America/New_York", resetHour: 6, billingDay: 15), .file),
            ])
        let user = Assignment.Subject.user(try Scope(parts: [.init(kind: "user", id: "Alice, B")]))
        #expect(
            policy.assignments == [
                user: Assignment(user, tier: "premium", priority: 300, order: 0),
                .role("Faculty"): Assignment(
                    .role("Faculty"), tier: "premium", priority: -5, isEnabled: false, order: 1),
                .emailDomain("example.com"): Assignment(
                    .emailDomain("example.com"), tier: "basic", priority: 150, order: 2),
                .everyone: Assignment(.everyone, tier: "basic", priority: 100, order: 3),
            ])
    }

    @Test("a tier has a description and can be disabled, in a file and in JSON")
    func describedTier() throws {
        let yaml = "tiers:\n  a: { description: For sponsors, enabled: false, limits: {} }"
        let tier = try #require(try Policy(yaml: yaml, file: "t.yaml").tiers["a"]?.tier)
        #expect(tier == Tier(id: "a", description: "For sponsors", isEnabled: false))
        let json = try CanonicalJSON.text(TierJSON(tier))
        #expect(json == #"{"description":"For sponsors","enabled":false,"limits":{}}"#)
        #expect(try PolicyJSON.tier(Data(json.utf8), id: "a", .nano) == tier)
        // As sidecars of earlier versions wrote it.
        #expect(try CanonicalJSON.text(TierJSON(Tier(id: "a"))) == #"{"limits":{}}"#)
        #expect {
            try Policy(yaml: "tiers:\n  a: { description: \"\", enabled: 1, limits: {} }", file: "t.yaml")
        } throws: { error in
            (error as? PolicyError)?.problems.map(\.path) == ["tiers.a.description", "tiers.a.enabled"]
        }
    }

    @Test(
        "empty sections are accepted",
        arguments: ["tiers:\nassignments:\n", "tiers: {}\nassignments: []\n"])
    func empty(yaml: String) throws {
        #expect(try Policy(yaml: yaml, file: "t.yaml") == .empty)
    }

    @Test("a tier's limit without effect is a warning, and an unassigned tier is not")
    func warnings() throws {
        let policy = try Policy(
            yaml: """
                defaults:
                  user: { requests: { 1h: 5 } }
                tiers:
                  basic:
                    limits:
                      requests: { 1m: 60, 1h: 10 }
                """, file: "t.yaml")
        #expect(
            policy.warnings.map(\.description) == [
                "t.yaml:6: tiers.basic.limits.requests.1m: can never matter: requests/1h admits no more than 10 in a longer time (line 6)"
            ])
    }

    @Test("the subject of an assignment is parsed back from its id")
    func subjects() throws {
        for id in ["user:alice", "user:a:b++c", "role:Faculty", "role:a:b", "email_domain:example.com", "default"] {
            #expect(try Assignment.Subject(id: id).id == id)
        }
        #expect(try Assignment.Subject(id: "user:a++b").name == "a+b")
        for id in [
            "", "alice", "team:a", "user:", "role:", "role:a,b", "email_domain:a b", "email_domain:", "Default",
            "default:",
        ] {
            #expect(throws: ScopeError.self, "\(id)") { try Assignment.Subject(id: id) }
        }
    }

    @Test(
        "ids of tiers",
        arguments: [("a", true), ("A_b-9", true), ("", false), ("a b", false), ("ä", false), ("a.b", false)])
    func ids(id: String, isOne: Bool) {
        #expect(((try? Tier.validate(id: id)) != nil) == isOne)
        #expect((try? Tier.validate(id: String(repeating: "a", count: 64))) != nil)
        #expect((try? Tier.validate(id: String(repeating: "a", count: 65))) == nil)
    }
}
