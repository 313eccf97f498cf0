import Testing

@testable import TollgatePolicy

/// The differences between two versions of a policy file.
@Suite struct PolicyChangesTests {
    private static let old = """
        currency: USD
        defaults: { user: { requests: { 1m: 60, 1h: 100 } } }
        scopes: { "tool:search": { requests: { 1m: 10 } } }
        tiers:
          basic: { limits: { cost: { month: 100 } } }
          gone: { limits: { cost: { month: 1 } } }
        assignments:
          - { role: Staff, tier: basic }
          - { default: true, tier: basic }
        """

    private func changes(_ new: String, from old: String = Self.old) throws -> PolicyChanges {
        PolicyChanges(from: try Policy(yaml: old, file: "old.yaml"), to: try Policy(yaml: new, file: "new.yaml"))
    }

    @Test("limits, tiers, assignments and settings are named as added, changed or removed")
    func names() throws {
        let changes = try changes(
            """
            currency: EUR
            reset_hour: 6
            defaults: { user: { requests: { 1m: 61, 24h: 100 } }, user+tool: { requests: { 1m: 5 } } }
            scopes: { "tool:search": { requests: { 1m: { max: 10, mode: shadow } } } }
            tiers:
              basic: { name: Basic, limits: { cost: { month: 100, day: 7 } } }
            assignments:
              - { user: alice, tier: basic }
              - { role: Staff, tier: basic, priority: 7 }
            """)
        #expect(
            changes.added
                == ["tier basic/cost/day", "user+tool/requests/1m", "user/requests/24h", "assignment user:alice"])
        #expect(
            changes.changed == [
                "tool:search/requests/1m", "user/requests/1m", "tier basic", "assignment role:Staff", "currency",
                "reset_hour",
            ])
        #expect(changes.removed == ["tier gone/cost/month", "user/requests/1h", "tier gone", "assignment default"])
    }

    @Test("another order of lines, comments and formatting are no changes; another order of assignments is one")
    func sameContent() throws {
        #expect(try changes("# comment\n\n\n" + Self.old).isEmpty)
        let lines = Self.old.split(separator: "\n")
        let reordered = (lines.dropLast(2) + [lines[lines.count - 1], lines[lines.count - 2]]).joined(separator: "\n")
        let changes = try changes(reordered)
        #expect(changes.changed == ["order of assignments"] && changes.added.isEmpty && changes.removed.isEmpty)
    }

    @Test("a long list of changes, and long names, are cut")
    func bounded() throws {
        let scopes = (0..<30).map { "  \"user:\(String(repeating: "x", count: 200))\($0)\": { requests: { 1m: 1 } }\n" }
        let many = PolicyChanges(from: Policy(), to: try Policy(yaml: "scopes:\n" + scopes.joined(), file: "new.yaml"))
        #expect(many.added.count == 30)
        let text = PolicyChanges.text(of: many.added)
        #expect(text.hasSuffix("… and 20 more") && text.count < 1_000, "\(text)")
    }
}
