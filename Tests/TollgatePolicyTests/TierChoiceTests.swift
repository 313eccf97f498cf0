import Testing

@testable import TollgateCore
@testable import TollgatePolicy

@Suite("The tier of a user")
struct TierChoiceTests {
    private func policy(_ assignments: String) throws -> Policy {
        try Policy(
            yaml: """
                tiers:
                  basic: { limits: {} }
                  premium: { limits: {} }
                  gold: { limits: {} }
                assignments:
                \(assignments)
                """, file: "t.yaml")
    }

    private let alice = (try? Scope(parsing: "user:alice")) ?? .global
    private let everyKind = """
          - { default: true, tier: basic }
          - { email_domain: example.com, tier: premium }
          - { role: Faculty, tier: gold }
          - { user: alice, tier: premium }
        """

    private func winner(_ policy: Policy, _ assignment: Assignment? = nil, _ traits: UserTraits = .none) -> String? {
        policy.tierChoice(for: alice, assignment: assignment, traits: traits)?.winner.subject.id
    }

    @Test("by default the order of precedence is user, role, domain, everyone")
    func kinds() throws {
        let policy = try policy(everyKind)
        let traits = UserTraits(roles: ["Faculty"], email: "alice@example.com")
        let choice = try #require(policy.tierChoice(for: alice, assignment: nil, traits: traits))
        #expect(
            choice.candidates.map(\.subject.id) == [
                "user:alice", "role:Faculty", "email_domain:example.com", "default",
            ])
        #expect(choice.tier == TierEntry(Tier(id: "premium"), .file))
        let bob = try #require(
            policy.tierChoice(for: try Scope(parsing: "user:bob"), assignment: nil, traits: traits))
        #expect(bob.winner.subject == .role("Faculty"))
        #expect(winner(policy, nil, .init(email: "alice@example.com")) == "user:alice")
        #expect(
            policy.tierChoice(for: try Scope(parsing: "user:bob"), assignment: nil, traits: .none)?.winner.subject
                == .everyone)
    }

    @Test("an explicit priority changes the precedence")
    func priorities() throws {
        let policy = try policy(
            """
              - { default: true, tier: basic, priority: 1000000 }
              - { role: Faculty, tier: gold }
              - { user: alice, tier: premium, priority: -1000000 }
            """)
        let choice = try #require(
            policy.tierChoice(for: alice, assignment: nil, traits: .init(roles: ["Faculty"])))
        #expect(choice.candidates.map(\.subject.id) == ["default", "role:Faculty", "user:alice"])
    }

    @Test("of subjects with equal priority the more specific one wins")
    func ranks() throws {
        let policy = try policy(
            """
              - { default: true, tier: basic, priority: 7 }
              - { email_domain: example.com, tier: premium, priority: 7 }
              - { role: Faculty, tier: gold, priority: 7 }
              - { user: alice, tier: premium, priority: 7 }
            """)
        let choice = try #require(
            policy.tierChoice(
                for: alice, assignment: nil, traits: .init(roles: ["Faculty"], email: "a@example.com")))
        #expect(choice.candidates.map(\.subject.kind) == ["user", "role", "email_domain", "default"])
    }

    @Test(
        "of several roles the highest priority wins, then the first one in the file")
    func roles() throws {
        let policy = try policy(
            """
              - { role: Staff, tier: basic }
              - { role: Faculty, tier: premium }
              - { role: Dean, tier: gold, priority: 201 }
            """)
        #expect(winner(policy, nil, .init(roles: ["Faculty", "Staff"])) == "role:Staff")
        #expect(winner(policy, nil, .init(roles: ["Staff", "Faculty"])) == "role:Staff")
        #expect(winner(policy, nil, .init(roles: ["Faculty", "Dean", "Staff", "Dean"])) == "role:Dean")
        #expect(winner(policy, nil, .init(roles: ["Nobody"])) == nil)
        let twice = policy.tierChoice(for: alice, assignment: nil, traits: .init(roles: ["Staff", "Staff"]))
        #expect(twice?.candidates.count == 1)
    }

    @Test("of equal roles of admins, the one assigned first wins")
    func orderOfChanges() throws {
        let shared = SharedPolicy(
            assignments: [
                Assignment(.role("B"), tier: "gold", order: 12, origin: .admin),
                Assignment(.role("A"), tier: "basic", order: 30, origin: .admin),
            ])
        let policy = try policy("  []").merged(with: shared)
        #expect(winner(policy, nil, .init(roles: ["A", "B"])) == "role:B")
    }

    @Test("an admin's assignment of a user replaces the file's")
    func adminOverFile() throws {
        let policy = try policy(everyKind)
        let own = Assignment(.user(alice), tier: "gold", priority: 250, origin: .admin)
        let choice = try #require(policy.tierChoice(for: alice, assignment: own, traits: .none))
        #expect(choice.winner == own)
        #expect(choice.candidates.filter { $0.subject.kind == "user" } == [own])
    }

    @Test("assignments that are not enabled, or without their tier, have no effect")
    func unusable() throws {
        let policy = try policy(everyKind)
        for own in [
            Assignment(.user(alice), tier: "gold", isEnabled: false, origin: .admin),
            Assignment(.user(alice), tier: "platinum", origin: .admin),
        ] {
            let choice = policy.tierChoice(for: alice, assignment: own, traits: .none)
            #expect(choice == policy.tierChoice(for: alice, assignment: nil, traits: .none))
            #expect(choice?.winner.origin == .file)
        }
        let off = SharedPolicy(
            assignments: [
                Assignment(.role("Faculty"), tier: "basic", isEnabled: false, origin: .admin),
                Assignment(.everyone, tier: "platinum", origin: .admin),
            ])
        #expect(policy.merged(with: off).assignments == policy.assignments)
        let disabled = try self.policy("  - { user: alice, tier: gold, enabled: false }")
        #expect(winner(disabled) == nil)
    }

    @Test("an assignment to a disabled tier is skipped like one to a missing tier, with the reason")
    func disabledTier() throws {
        var policy = try policy(everyKind)
        policy.tiers["gold"]?.tier.isEnabled = false
        let traits = UserTraits(roles: ["Faculty", "Staff"])
        #expect(winner(policy, nil, traits) == "user:alice")
        #expect(winner(policy, Assignment(.user(alice), tier: "gold", origin: .admin), traits) == "user:alice")
        let shared = SharedPolicy(
            assignments: [
                Assignment(.role("Staff"), tier: "platinum", order: 4, origin: .admin),
                Assignment(.everyone, tier: "premium", isEnabled: false, order: 5, origin: .admin),
            ])
        let merged = policy.merged(with: shared)
        let skipped = merged.skippedAssignments(
            of: alice, assignment: Assignment(.user(alice), tier: "gold", origin: .admin), traits: traits)
        #expect(
            skipped.map { "\($0.assignment.subject.id) \($0.reason.rawValue)" } == [
                "user:alice tier_disabled", "role:Faculty tier_disabled", "role:Staff tier_missing",
                "default assignment_disabled",
            ])
        #expect(merged.skippedAssignments(of: .global, assignment: nil, traits: traits) == [])
        #expect(policy.tiersByTraits(of: alice, assignment: nil).map { $0.tier?.tier.id } == ["premium"])
    }

    @Test("an admin's tier replaces the file's until it is removed")
    func tiers() throws {
        let file = try policy(everyKind)
        let premium = Tier(id: "premium", name: "Ours", limits: [Limit(.cost, .month, max: 5)])
        let policy = file.merged(with: SharedPolicy(tiers: ["premium": premium]))
        #expect(policy.tierChoice(for: alice, assignment: nil, traits: .none)?.tier == TierEntry(premium, .admin))
        var same = file.merged(with: SharedPolicy())
        same.kindsWithSettings = nil
        #expect(same == file)
    }

    @Test("an admin's assignment of a role, a domain or everyone replaces the file's")
    func assignments() throws {
        let shared = SharedPolicy(
            assignments: [
                Assignment(.role("Faculty"), tier: "basic", priority: 10, order: 3, origin: .admin),
                Assignment(.emailDomain("example.com"), tier: "gold", order: 4, origin: .admin),
                Assignment(.everyone, tier: "gold", order: 5, origin: .admin),
            ])
        let policy = try policy(everyKind).merged(with: shared)
        let bob = try Scope(parsing: "user:bob")
        let choice = try #require(
            policy.tierChoice(
                for: bob, assignment: nil, traits: .init(roles: ["Faculty"], email: "bob@EXAMPLE.com")))
        #expect(choice.candidates.map(\.tier) == ["gold", "gold", "basic"])
        #expect(choice.winner.subject == .emailDomain("example.com"))
    }

    @Test("roles are compared byte for byte")
    func bytes() throws {
        let composed = "Pr\u{e9}sident"
        let decomposed = "Pre\u{301}sident"
        let policy = try policy("  - { role: \(composed), tier: gold }")
        #expect(winner(policy, nil, .init(roles: [composed])) == "role:\(composed)")
        #expect(winner(policy, nil, .init(roles: [decomposed])) == nil)
        #expect(winner(policy, nil, .init(roles: [decomposed, composed])) == "role:\(composed)")
        #expect(winner(policy, nil, .init(roles: ["faculty"])) == nil)
        #expect(UserTraits(roles: [composed]) != UserTraits(roles: [decomposed]))
        #expect(UserTraits(email: composed) != UserTraits(email: decomposed))
        #expect(UserTraits(email: "") != UserTraits(email: nil))
        #expect(UserTraits(roles: ["a"], email: "b@c") == UserTraits(roles: ["a"], email: "b@c"))
        #expect(Set([UserTraits(roles: ["a"]), UserTraits(roles: ["a"])]).count == 1)
    }

    @Test(
        "the domain follows the last @, in any case, and a subdomain is another domain",
        arguments: [
            ("a@example.com", true), ("A@EXAMPLE.Com", true), ("\"a@b\"@example.com", true), ("@example.com", true),
            ("a@mail.example.com", false), ("a@example.com.", false), ("example.com", false), ("a@", false),
            ("a@notexample.com", false), ("a@example.com@b", false),
        ])
    func domains(email: String, applies: Bool) throws {
        let policy = try policy("  - { email_domain: Example.COM, tier: gold }")
        #expect((winner(policy, nil, .init(email: email)) == "email_domain:example.com") == applies)
    }

    @Test("only single users have tiers")
    func onlyUsers() throws {
        #expect(Policy.canHaveTier(alice))
        for text in ["tool:search", "global", "user:alice+tool:search", "team:a"] {
            #expect(!Policy.canHaveTier(try Scope(parsing: text)))
            let policy = try policy("  - { default: true, tier: gold }")
            #expect(policy.rules(for: try Scope(parsing: text), traits: .init(roles: ["a"])).choice == nil)
        }
    }
}
