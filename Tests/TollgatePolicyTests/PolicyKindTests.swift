import Testing
import TollgateCore

@testable import TollgatePolicy

/// Kinds of scopes in a policy: which are known, and which are typos.
@Suite struct PolicyKindTests {
    private func policy(_ yaml: String) throws -> Policy { try Policy(yaml: yaml, file: "p.yaml") }

    private func problems(_ yaml: String) -> [String] {
        do {
            _ = try policy(yaml)
            return []
        } catch let error as PolicyError {
            return error.problems.map(\.description)
        } catch {
            return ["\(error)"]
        }
    }

    @Test("known are the usual kinds, and those that the policy names anywhere")
    func known() throws {
        let policy = try policy(
            """
            kinds: [run]
            history: [user, zone]
            defaults:
              user+region: { requests: { 1m: 1 } }
            scopes:
              server:eu: { requests: { 1m: 1 } }
            """)
        let kinds = policy.merged(with: SharedPolicy(kinds: [try ScopeKind(parsing: "user+agent")])).knownKinds
        for kind in ScopeKind.usual + ["run", "zone", "region", "server", "agent"] {
            #expect(kinds.standing(of: kind) == .known, "\(kind)")
        }
        #expect(kinds.standing(of: "usr") == .unknown)
    }

    @Test("before the administrators' settings are known, another kind is neither known nor unknown")
    func undecided() throws {
        let policy = try policy("kinds: [run]")
        #expect(policy.knownKinds.standing(of: "run") == .known)
        #expect(policy.knownKinds.standing(of: "agent") == .undecided)
        #expect(policy.merged(with: SharedPolicy()).knownKinds.standing(of: "agent") == .unknown)
    }

    @Test("unknown_kinds: allow makes every kind known")
    func allow() throws {
        let policy = try policy("unknown_kinds: allow").merged(with: SharedPolicy())
        #expect(policy.knownKinds.standing(of: "usr") == .known)
        #expect(problems("unknown_kinds: maybe") == ["p.yaml:1: unknown_kinds: expected error or allow, found maybe"])
    }

    @Test(
        "the sentence about an unknown kind suggests a kind or an argument",
        arguments: [
            ("usr", "unknown kind; did you mean user? "), ("cots", "unknown kind; did you mean cost? "),
            ("runs", "unknown kind; did you mean run? "), ("zebra", "unknown kind "),
        ])
    func suggestions(_ kind: String, _ beginning: String) throws {
        let kinds = try policy("kinds: [run]").merged(with: SharedPolicy()).knownKinds
        #expect(
            kinds.explanation(of: kind, arguments: ["cost", "tokens"]) == beginning
                + "(known kinds: user, team, project, tenant, tool, provider, model, account, run; list others under kinds: in the policy)"
        )
    }

    @Test("the name of the limit on open reservations is not an unknown kind")
    func concurrent() throws {
        let kinds = try policy("").merged(with: SharedPolicy()).knownKinds
        #expect(
            kinds.explanation(of: "concurrent") == "not an argument; each RESERVE counts as one, until it ends")
    }

    @Test(
        "a kind that is nearly a usual one is an error, unless kinds: has it",
        arguments: [
            ("history: [usr]", 1, "history", "usr", "user"),
            ("defaults:\n  usr: { requests: { 1m: 1 } }", 2, "defaults.usr", "usr", "user"),
            ("defaults:\n  user+tol: { requests: { 1m: 1 } }", 2, "defaults.user+tol", "tol", "tool"),
            ("scopes:\n  tennant:a: { requests: { 1m: 1 } }", 2, "scopes.tennant:a", "tennant", "tenant"),
            ("fold_case: [users]", 1, "fold_case", "users", "user"),
        ])
    func typos(_ yaml: String, _ line: Int, _ path: String, _ kind: String, _ meant: String) {
        #expect(
            problems(yaml) == [
                "p.yaml:\(line): \(path): \(kind): did you mean \(meant)? (if \(kind) is meant, add it to kinds:)"
            ])
        #expect(problems("\(yaml)\nkinds: [\(kind)]") == [])
    }

    @Test("kinds: takes a list of single kinds, each once")
    func kinds() throws {
        #expect(try policy("kinds: [run, session]").kinds == ["run", "session"])
        #expect(problems("kinds: run") == ["p.yaml:1: kinds: expected a list of kinds such as [run, session]"])
        #expect(problems("kinds: [run, run]") == ["p.yaml:1: kinds: duplicate kind run"])
        #expect(
            problems("kinds: [run+user]") == [
                "p.yaml:1: kinds: run+user: expected single kinds; requests join them by themselves"
            ])
        #expect(
            problems("kinds: [cost]") == ["p.yaml:1: kinds: cost: is a word of the protocol and cannot be a kind"])
    }

    @Test("fold_case reads ids of scopes and of assignments in lower case")
    func foldCase() throws {
        let policy = try policy(
            """
            fold_case: [user]
            scopes:
              user:Alice+tool:Search: { requests: { 1m: 1 } }
              tool:Search: { requests: { 1m: 1 } }
            tiers:
              big: { limits: { requests: { 1m: 9 } } }
            assignments:
              - { user: BOB, tier: big }
            """)
        #expect(Set(policy.scopes.keys.map(\.description)) == ["user:alice+tool:Search", "tool:Search"])
        #expect(policy.assignments[.user(try Scope(parsing: "user:bob"))]?.tier == "big")
        #expect(
            problems(
                "fold_case: [user]\nscopes:\n  user:A: { requests: { 1m: 1 } }\n  user:a: { requests: { 1m: 1 } }"
            ) == ["p.yaml:4: scopes.user:a: duplicate scope user:a in another spelling"])
    }

    @Test("the kinds with limits are those of defaults, of scopes, and users if a tier has limits")
    func limitedKinds() throws {
        let policy = try policy(
            """
            defaults: { tool: { requests: { 1m: 1 } }, team: {} }
            scopes: { tenant:a+model:m: { cost: { day: 1 } } }
            tiers: { big: { limits: { requests: { 1m: 9 } } } }
            """)
        #expect(Set(policy.limitedKinds.map(\.description)) == ["tool", "tenant+model", "user"])
    }
}
