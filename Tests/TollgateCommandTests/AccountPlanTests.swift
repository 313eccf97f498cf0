import Foundation
import Testing
import TollgateAdmin
import TollgateCore
import TollgatePolicy

@testable import tollgate

/// Accounts in `tollgate policy export` and `apply`.
@Suite("Plan and export of accounts")
struct AccountPlanTests {
    private static let ofFile =
        #""plain":{"provider":"github","billing_day":1,"sync":"60s","origin":"file","version":null},"proxied":{"provider":"openai","credential_env":"A","base_url":"https://proxy:80","billing_day":1,"sync":"60s","origin":"file","version":null}"#
    private static let admins =
        #""main":{"provider":"openai","credential_file":"/key","project_ids":["p1"],"billing_day":15,"sync":"300s","limits":{"cost":{"month":"5.5"},"tokens":{"month":9}},"origin":"admin","version":7}"#

    /// The settings of a sidecar whose policy file limits `account:main`, and of administrators.
    private func settings(accounts: String = "\(ofFile),\(admins)", limits: String = "[]") throws -> SettingsInForce {
        let policy = try CanonicalJSON.text(PolicySettingsJSON(.empty)).dropFirst().dropLast()
        let body = """
            {\(policy),"defaults":{},"tiers":[],"assignments":[],"accounts":{\(accounts)},
             "scopes":{"account:main":{"limits":{"tokens":{"day":3,"month":4}},"origin":"file"}}}
            """
        return try SettingsInForce(
            policy: try #require(JSONValue(text: body)), assignments: [],
            limits: try #require(JSONValue(text: limits)).array, overrides: [])
    }

    private func plan(_ yaml: String, _ now: SettingsInForce) throws -> PolicyPlan {
        let keys = try YAMLDocument(yaml: yaml, file: "f.yaml").root()?.members?.compactMap(\.key.text) ?? []
        return try PolicyPlan(try Policy(wholeFile: yaml, file: "f.yaml"), keys: keys, now: now)
    }

    fileprivate static let ownLimits = #"[{"scope":"account:main","limits":{"tokens":{"month":8}},"version":9}]"#

    @Test("an export contains the accounts of administrators, with their limits")
    func export() throws {
        let yaml = try PolicyExport(try settings(), includesFile: false).yaml()
        #expect(
            yaml == """
                # What administrators have set through the admin API.
                accounts:
                  main:
                    billing_day: 15
                    credential_file: "/key"
                    project_ids: [p1]
                    provider: openai
                    sync: "300s"
                    limits: { tokens: { month: 9 }, cost: { month: 5.5 } }

                """, "\(yaml)")
    }

    @Test(
        "a plan for an export has no changes, wherever the limits are", arguments: [false, true],
        ["[]", AccountPlanTests.ownLimits])
    func unchanged(all: Bool, limits: String) throws {
        let now = try settings(limits: limits)
        let yaml = try PolicyExport(now, includesFile: all).yaml()
        let plan = try plan(yaml, now)
        #expect(plan.changes.map(\.text) == [], "\(yaml)")
        #expect(plan.differences == [] && plan.notes == [])
    }

    @Test("accounts are set with their limits, changed and removed; those of the sidecar's file stay")
    func changes() throws {
        let now = try settings(
            accounts: Self.ofFile + "," + Self.admins
                + #","old":{"provider":"github","billing_day":1,"sync":"60s","origin":"admin","version":8}"#)
        let changed = try plan(
            """
            accounts:
              main: { provider: openai, credential_file: /key, project_ids: [p1], sync: 5m, limits: { tokens: { day: 3, month: 10 } } }
              new: { provider: openrouter, limits: { cost: { month: 1 } } }
            """, now)
        #expect(
            changed.changes.map(\.text) == [
                "account main tokens/month changed from 9 to 10, cost/month=5.5 removed, billing_day changed from 15 to 1",
                "account new added: cost/month=1, billing_day 1, provider openrouter, sync 60s", "account old removed",
            ], "\(changed.changes.map(\.text))")
        #expect(
            changed.changes.map { $0.request.condition?.value ?? "" } == ["\"7\"", "*", "\"8\""])
        #expect(
            changed.changes[0].request.body
                == #"{"billing_day":1,"credential_file":"/key","limits":{"tokens":{"month":10}},"project_ids":["p1"],"provider":"openai","sync":"300s"}"#
        )
    }

    @Test("limits that administrators have set for the scope itself are changed there")
    func limitsOfTheScope() throws {
        let now = try settings(limits: Self.ownLimits)
        let changed = try plan(
            """
            accounts:
              main: { provider: openai, credential_file: /key, project_ids: [p1], billing_day: 15, sync: 5m }
            scopes: { account:main: { tokens: { month: 7 }, cost: { month: 5.5 } } }
            """, now)
        #expect(
            changed.changes.map(\.text) == [
                "account:main tokens/month changed from 8 to 7, cost/month=5.5 added",
                "account main tokens/month=9 removed, cost/month=5.5 removed",
            ], "\(changed.changes.map(\.text))")
    }

    @Test("what only a policy file may contain is a difference, and nothing is changed")
    func differences() throws {
        let plan = try plan(
            """
            no_limits: true
            accounts:
              a: { provider: openai, credential_file: keys/openai }
              b: { provider: openai, credential_env: A, base_url: https://proxy.example.com }
              proxied: { provider: openai, credential_env: A, base_url: "https://proxy:80" }
            """, try settings())
        #expect(
            plan.differences == [
                "accounts.a.credential_file: expected the absolute path of a file such as /etc/tollgate/key, at most 1024 bytes",
                "accounts.b.base_url: is accepted in the policy file only, because the credential is sent to this address",
            ])
    }
}
