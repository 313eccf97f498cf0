import Foundation
import Testing
import TollgateAdmin
import TollgateCore
import TollgatePolicy

@testable import tollgate

@Suite("Plan and export of a policy")
struct PolicyPlanTests {
    private static let file = """
        currency: EUR
        kinds: [usr]
        defaults:
          user: { requests: { 1m: 60 } }
        scopes:
          tool:search: { requests: { 1m: 10, 1h: 100 } }
        tiers:
          basic: { limits: { cost: { month: 100 } } }
        assignments:
          - { default: true, tier: basic }
        """

    /// The settings of a sidecar with ``file``, and of administrators.
    private func settings(
        tiers: String = "", assignments: String = "", limits: String = "[]", overrides: String = "[]"
    ) throws -> SettingsInForce {
        let policy = try Policy(yaml: Self.file, file: "t.yaml")
        let settings = try CanonicalJSON.text(PolicySettingsJSON(policy)).dropFirst().dropLast()
        func list(_ text: String) throws -> [JSONValue] { try #require(JSONValue(text: text)).array }
        let basic = #"{"id":"basic","enabled":true,"limits":{"cost":{"month":"100"}},"origin":"file","version":null}"#
        let everyone =
            #"{"id":"default","type":"default","subject":null,"tier":"basic","priority":100,"enabled":true,"origin":"file","order":0,"version":null}"#
        let body = """
            {\(settings),"defaults":{"user":{"limits":{"requests":{"1m":60}},"origin":"file"}},
             "scopes":{"tool:search":{"limits":{"requests":{"1m":10,"1h":100}},"origin":"file"}},
             "tiers":[\(tiers.isEmpty ? basic : tiers)],"assignments":[]}
            """
        return try SettingsInForce(
            policy: try #require(JSONValue(text: body)),
            assignments: try list("[\(assignments.isEmpty ? everyone : assignments)]"), limits: try list(limits),
            overrides: try list(overrides))
    }

    private func plan(_ yaml: String, _ now: SettingsInForce) throws -> PolicyPlan {
        let keys = try YAMLDocument(yaml: yaml, file: "f.yaml").root()?.members?.compactMap(\.key.text) ?? []
        return try PolicyPlan(try Policy(wholeFile: yaml, file: "f.yaml"), keys: keys, now: now)
    }

    private static let premium =
        #"{"id":"premium","name":"P","enabled":true,"limits":{"cost":{"day":"5"}},"origin":"admin","version":7}"#
    private static let faculty =
        #"{"id":"role:Faculty","type":"role","subject":"Faculty","tier":"premium","priority":200,"enabled":true,"origin":"admin","order":8,"version":8}"#
    private static let dean =
        #"{"id":"role:Dean","type":"role","subject":"Dean","tier":"basic","priority":200,"enabled":true,"origin":"admin","order":9,"version":9}"#
    private static let search = #"[{"scope":"tool:search","limits":{"requests":{"1m":5}},"version":10}]"#
    private static let override =
        #"[{"scope":"user:bob","add":{"cost/month":"5"},"expires_at":"2030-01-01T00:00:00Z","reason":"a\u2028b","version":11}]"#

    private func administered() throws -> SettingsInForce {
        try settings(
            tiers: Self.premium + ","
                + #"{"id":"basic","enabled":true,"limits":{"cost":{"month":"100"}},"origin":"file","version":null}"#,
            assignments: [Self.faculty, Self.dean].joined(separator: ","), limits: Self.search, overrides: Self.override
        )
    }

    @Test("an export contains what administrators have set, and the file's tiers that they assign")
    func export() throws {
        let yaml = try PolicyExport(try administered(), includesFile: false).yaml()
        #expect(
            yaml == """
                # What administrators have set through the admin API.
                # From the sidecar's policy file, because administrators have assigned them: basic
                # Overrides are temporary, so a policy file cannot contain them. These are active:
                #   user:bob: {"add":{"cost/month":"5"},"expires_at":"2030-01-01T00:00:00Z","reason":"a\\u2028b"}
                kinds: [usr]
                scopes:
                  tool:search: { requests: { 1m: 5 } }
                tiers:
                  basic:
                    limits: { cost: { month: 100 } }
                  premium:
                    name: P
                    limits: { cost: { day: 5 } }
                assignments:
                  - { role: Faculty, tier: premium }
                  - { role: Dean, tier: basic }

                """, "\(yaml)")
    }

    @Test("an export of all settings merges the file's limit by limit")
    func exportAll() throws {
        let yaml = try PolicyExport(try administered(), includesFile: true).yaml()
        #expect(yaml.contains("\ncurrency: EUR\n"), "\(yaml)")
        #expect(yaml.contains("\n  tool:search: { requests: { 1m: 5, 1h: 100 } }\n"), "\(yaml)")
        #expect(yaml.contains("\n  user: { requests: { 1m: 60 } }\n"), "\(yaml)")
    }

    @Test("a plan for an export has no changes", arguments: [false, true])
    func unchanged(all: Bool) throws {
        let now = try administered()
        let plan = try plan(try PolicyExport(now, includesFile: all).yaml(), now)
        #expect(plan.changes.map(\.text) == [])
        #expect(plan.differences == [])
        #expect(plan.notes == [])
    }

    @Test("assignments to missing tiers are noted in an export, not lost")
    func lostAssignments() throws {
        let now = try settings(assignments: Self.faculty)
        let export = try PolicyExport(now, includesFile: false)
        #expect(export.document.assignments == [])
        #expect(export.notes.last == "  role:Faculty: premium")
    }

    @Test("changes are added, changed and removed settings, each with the version that it replaces")
    func changes() throws {
        let plan = try plan(
            """
            tiers:
              basic: { limits: { cost: { month: 100 } } }
              gold: { limits: { requests: { 1m: 5 } } }
              premium: { description: Better, enabled: false, limits: { cost: { day: { max: 6, mode: shadow } } } }
            assignments:
              - { user: "a b", tier: gold, priority: 5, enabled: false }
              - { role: Faculty, tier: basic }
            scopes:
              tool:search: { requests: { 1h: 100, 1d: 7 }, concurrent: 3 }
              global: { cost: { day: 1 } }
            """, try administered())
        #expect(
            plan.changes.map(\.text) == [
                "tier gold added: requests/1m=5",
                "tier premium cost/day changed from 5 to 6(mode=shadow), description Better added, enabled false added, "
                    + "name P removed",
                "user:a b added: gold, priority 5, not enabled",
                "role:Faculty changed from premium, priority 200 to basic, priority 200",
                "global added: cost/day=1",
                "tool:search requests/24h=7 added, concurrent=3 added, requests/1m=5 removed",
                "role:Dean removed",
            ])
        let conditions = plan.changes.map {
            "\($0.request.condition?.name ?? ""): \($0.request.condition?.value ?? "")"
        }
        #expect(
            conditions == [
                "If-None-Match: *", "If-Match: \"7\"", "If-None-Match: *", "If-Match: \"8\"", "If-None-Match: *",
                "If-Match: \"10\"", "If-Match: \"9\"",
            ])
        #expect(plan.changes[5].request.body == #"{"limits":{"concurrent":3,"requests":{"24h":7}}}"#)
    }

    @Test("settings of the sidecar's file stay, and a file without sections removes what administrators set")
    func removal() throws {
        let plan = try plan("no_limits: true", try administered())
        #expect(
            plan.changes.map(\.text) == [
                "tool:search removed", "role:Dean removed", "role:Faculty removed", "tier premium removed",
            ])
    }

    @Test("settings that the API cannot change must be equal to those in force")
    func differences() throws {
        let now = try settings()
        let same = "currency: EUR\nhistory_days: 35\ndefaults:\n  user: { requests: { 1m: 60 } }\n"
        #expect(try plan(same, now).differences == [])
        let other = "currency: USD\nthresholds: [80]\ndefaults:\n  user: { requests: { 1m: 61 } }\n"
        #expect(
            try plan(other, now).differences == [
                "currency: USD in the file, EUR in force", "thresholds: [80] in the file, [80,90,95,100] in force",
                "defaults.user: requests/1m changed from 60 to 61",
            ])
    }

    @Test("roles whose order would have to change are noted")
    func order() throws {
        let yaml = """
            tiers:
              basic: { limits: { cost: { month: 100 } } }
              premium: { name: P, limits: { cost: { day: 5 } } }
            assignments:
              - { role: Dean, tier: basic }
              - { role: Faculty, tier: premium }
            scopes: { tool:search: { requests: { 1m: 5 } } }
            """
        let plan = try plan(yaml, try administered())
        #expect(plan.changes.isEmpty)
        #expect(
            plan.notes == [
                "role:Faculty still precedes role:Dean, because it was assigned first: give them different priorities"
            ])
    }
}
