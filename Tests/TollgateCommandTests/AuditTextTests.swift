import Foundation
import Testing
import TollgateAdmin

@testable import tollgate

@Suite("The audit log in words")
struct AuditTextTests {
    private func json(_ text: String) throws -> JSONValue {
        try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
    }

    private func entry(
        _ action: String, _ target: String, _ before: String, _ after: String, from: String = "unix"
    ) throws -> JSONValue {
        try json(
            #"{"id":"1-0","at":"2026-11-21T10:00:00Z","who":"alice","from":"\#(from)","action":"\#(action)","target":"\#(target)","before":\#(before),"after":\#(after),"version":8}"#
        )
    }

    @Test(
        "each action is a sentence with the setting before",
        arguments: [
            (
                "limits.set", "tool:search", #"{"requests":{"1m":5,"1h":9}}"#, #"{"requests":{"1m":10,"1h":9}}"#,
                "set limit requests/1m of tool:search to 10 (was 5)"
            ),
            (
                "limits.set", "tool:search", #"{"cost":{"day":"2"}}"#, #"{"concurrent":3}"#,
                "deleted limit cost/day of tool:search (was 2), set limit concurrent of tool:search to 3"
            ),
            (
                "limits.set", "user:a", #"{"requests":{"1m":5}}"#, #"{"requests":{"1m":{"max":5,"mode":"shadow"}}}"#,
                "set limit requests/1m of user:a to 5(mode=shadow) (was 5)"
            ),
            ("limits.set", "user:a", "{}", "{}", "left the limits of user:a unchanged"),
            ("tier.set", "basic", #"{"limits":{}}"#, #"{"limits":{}}"#, "left tier basic unchanged"),
            (
                "limits.delete", "user:a", #"{"requests":{"1m":5}}"#, "null",
                "deleted all limits of user:a (was requests/1m=5)"
            ),
            (
                "tier.set", "basic", "null", #"{"name":"Basic","limits":{"cost":{"month":"100"}}}"#,
                "created tier basic: cost/month=100, name Basic"
            ),
            (
                "tier.set", "basic", #"{"limits":{"cost":{"month":"100"}},"reset_hour":6}"#,
                #"{"limits":{"cost":{"month":"50"}},"name":"B"}"#,
                "changed tier basic: cost/month to 50 (was 100), name to B (was not set), removed reset_hour (was 6)"
            ),
            ("tier.delete", "basic", #"{"limits":{}}"#, "null", "deleted tier basic (was no limits)"),
            (
                "account.set", "main", "null", #"{"provider":"github","billing_day":1,"sync":"60s"}"#,
                "created account main: no limits, billing_day 1, provider github, sync 60s"
            ),
            (
                "account.set", "main", #"{"provider":"openai","credential_env":"A","limits":{"tokens":{"month":5}}}"#,
                #"{"provider":"openai","credential_file":"/key"}"#,
                "changed account main: removed tokens/month (was 5), removed credential_env (was A), credential_file to /key (was not set)"
            ),
            (
                "account.delete", "main", #"{"provider":"github"}"#, "null",
                "deleted account main (was no limits, provider github)"
            ),
            (
                "assignment.set", "role:F", "null", #"{"tier":"gold","priority":200,"enabled":false}"#,
                "assigned tier gold to role:F, priority 200, not enabled"
            ),
            (
                "assignment.set", "role:F", #"{"tier":"basic","priority":200}"#, #"{"tier":"gold","priority":200}"#,
                "assigned tier gold to role:F, priority 200 (was basic, priority 200)"
            ),
            ("assignment.delete", "default", #"{"tier":"basic"}"#, "null", "unassigned default (was basic)"),
            (
                "override.set", "user:a", "null",
                #"{"add":{"cost/month":"50"},"expires_at":"2026-11-22T10:00:00Z","reason":"due"}"#,
                "set the override of user:a to cost/month+50 until 2026-11-22T10:00:00Z: due"
            ),
            ("override.clear", "user:a", "null", "null", "ended the override of user:a"),
            (
                "scope.reset", "user:a", #"{"cost/day":"1.5","requests/1m":"x"}"#, "null",
                "reset user:a: cost/day (was 1.5), requests/1m (was x)"
            ),
            ("reservation.cancel", "user:a", #"{"id":"6f-1"}"#, "null", "cancelled reservation 6f-1 of user:a"),
            ("alert.resolve", "mi8x3k2p-1b0q6y0c3v5xk", "null", "null", "resolved alert mi8x3k2p-1b0q6y0c3v5xk"),
            (
                "delivery.test", "billing", "null", #"{"delivered":false,"error":"status 503"}"#,
                "tested receiver billing: status 503"
            ),
            (
                "delivery.retry", "billing", "null", #"{"retried":2,"requeued":12}"#,
                "retried receiver billing: 2 failed, 12 dead-lettered"
            ),
            ("some.thing", "x", "null", #"{"a":1}"#, #"did some.thing of x: {"a":1}"#),
        ])
    func sentences(action: String, target: String, before: String, after: String, deed: String) throws {
        #expect(AuditText.sentence(try entry(action, target, before, after)) == "alice \(deed)")
    }

    @Test("the list has a line per change, which is wrapped at a terminal only")
    func list() throws {
        let change = try entry("limits.set", "tool:search", "{}", #"{"requests":{"1m":10}}"#, from: "10.0.0.7")
        let answer = JSONValue.object(["items": .array([change]), "next": .string("x")])
        #expect(
            AuditText.table(answer) == """
                version  at                    change
                8        2026-11-21T10:00:00Z  alice (10.0.0.7) set limit requests/1m of tool:search to 10
                and more: see --limit
                """)
        let narrow = AuditText.table(answer, on: Terminal(columns: 60, isUTF8: true, hasColour: false))
        #expect(
            narrow == """
                version  at                    change
                8        2026-11-21T10:00:00Z  alice (10.0.0.7) set limit
                                               requests/1m of tool:search to
                                               10
                and more: see --limit
                """)
        #expect(AuditText.table(try json(#"{"items":[],"next":null}"#)) == "no changes")
    }
}
