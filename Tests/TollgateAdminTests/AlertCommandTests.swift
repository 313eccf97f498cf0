import Foundation
import Testing
import TollgateCore
import TollgateLedger
import TollgateServer
import TollgateStores
import TollgateTestSupport

@testable import TollgateAdmin

/// The commands for alerts and events as processes, with a real admin API.
@Suite struct AlertCommandTests {
    @Test("alerts are a table of active or selected alerts, newest first")
    func alerts() async throws {
        try await withAdmin { admin in
            #expect(try await admin.tollgate("alerts").output == "no alerts\n")
            let ids = try await admin.raiseAlerts().map(\.id)
            let answer = try await admin.tollgate("alerts")
            #expect(
                answer.output == """
                    opened                severity  scope            limit          used   max      %  state  id
                    2026-11-20T18:20:03Z  critical  user:b/c+tool:d  tokens/total    951  1000   95.1  open   \(ids[2])
                    2026-11-20T18:20:02Z  critical  user:alice       cost/day      20.24    20  101.2  open   \(ids[1])
                    2026-11-20T18:20:01Z  warning   user:alice       cost/day      17.24    20   86.2  open   \(ids[0])

                    """, "\(answer.errors)")
            let resolved = try await admin.tollgate("alert", "resolve", ids[1])
            #expect(resolved.output == "\(ids[1]): user:alice/cost/day at 100 %, resolved\n", "\(resolved.errors)")
            let seen = try await admin.tollgate("alert", "acknowledge", ids[0])
            #expect(seen.output == "\(ids[0]): user:alice/cost/day at 80 %, acknowledged\n")
            func shown(_ words: String...) async throws -> [String] {
                let answer = try await admin.tollgate(words)
                #expect(answer.status == 0, "\(answer.errors)")
                return ids.indices.filter { answer.output.contains(ids[$0]) }.map { "\($0)" }
            }
            #expect(try await shown("alerts") == ["0", "2"])
            #expect(try await shown("alerts", "--state", "resolved") == ["1"])
            #expect(try await shown("alerts", "--state", "all") == ["0", "1", "2"])
            #expect(try await shown("alerts", "--state", "all", "--scope", "user:alice") == ["0", "1"])
            #expect(try await shown("alerts", "--severity", "warning") == ["0"])
            #expect(try await shown("alerts", "--limit", "1") == ["2"])
            #expect(try await admin.tollgate("alerts", "--limit", "1").output.hasSuffix("\nand more: see --limit\n"))
            #expect(try await !admin.tollgate("alerts", "--limit", "2").output.contains("more"))
            #expect(try await shown("alerts", "--scope", "tool:d+user:b/c") == ["2"])
            let json = try await admin.tollgate("alerts", "--json").output
            #expect(try await admin.ask("GET", "/v1/alerts?state=open,acknowledged").text == json)
        }
    }

    @Test("an alert about drift names both sides")
    func drift() async throws {
        try await withAdmin { admin in
            let alert = Alert(
                driftOf: try Scope(parsing: "account:main"), on: try #require(UTCDay(parsing: "2026-11-19")),
                meter: .tokens, ours: 877, theirs: 1_000, threshold: 5, openedAt: AdminHarness.alertTime)
            #expect(try await admin.alerts.open(alert))
            #expect(
                try await admin.tollgate("alerts").output == """
                    opened                severity  scope         limit                    used   max     %  state  id
                    2026-11-20T18:20:01Z  warning   account:main  tokens drift 2026-11-19   877  1000  87.7  open   \(alert.id)

                    """)
            #expect(
                try await admin.tollgate("alert", "show", alert.id).output == """
                    id            \(alert.id)
                    scope         account:main
                    drift         tokens of 2026-11-19, past 5 %
                    amounts       877 is ours, 1000 the provider's
                    severity      warning, drift
                    state         open
                    opened        2026-11-20T18:20:01.123Z
                    ends          2026-11-27T00:00:00Z

                    """)
            #expect(
                try await admin.tollgate("alert", "resolve", alert.id).output
                    == "\(alert.id): account:main tokens of 2026-11-19 drift past 5 %, resolved\n")
        }
    }

    @Test("alert show prints all fields; repeated changes and missing alerts exit with 2")
    func one() async throws {
        try await withAdmin { admin in
            let alert = try await admin.raiseAlerts()[1]
            _ = try await admin.alerts.acknowledge(
                alert.id, by: Author(name: "zoe", address: ""), at: AdminHarness.alertTime + 60_000)
            _ = try await admin.alerts.publish(
                .resolved(id: alert.id, at: AdminHarness.alertTime + 120_000, reason: .limitRaised))
            #expect(
                try await admin.tollgate("alert", "show", alert.id).output == """
                    id            \(alert.id)
                    scope         user:alice
                    limit         cost/day of 2026-11-20, 20 by tier:premium
                    used          20.24, 101.2 %, past 100 %
                    severity      critical, quota_exceeded
                    state         resolved
                    opened        2026-11-20T18:20:02.123Z
                    acknowledged  2026-11-20T18:21:01.123Z by zoe
                    resolved      2026-11-20T18:22:01.123Z by auto, limit_raised
                    ends          2100-01-01T00:00:00Z

                    """)
            let twice = try await admin.tollgate("alert", "resolve", alert.id)
            #expect(twice.status == 2)
            #expect(twice.errors == "\(alert.id): resolved by auto already (limit_raised)\n")
            let missing = try await admin.tollgate("alert", "show", "none")
            #expect(missing.status == 2 && missing.errors == "none: no such alert\n")
        }
    }

    @Test("events are a table, filtered by scope or limit, over several pages if needed")
    func events() async throws {
        try await withAdmin { admin in
            #expect(try await admin.tollgate("events").output == "no events\n")
            try await admin.raiseAlerts()
            #expect(
                try await admin.tollgate("events").output == """
                    at                    scope       limit                 used  max  source      request
                    2026-11-20T18:20:01Z  user:alice  requests/day            60   60  tier:basic  user:alice tool:search
                    2026-11-20T18:20:01Z  user:b/c    requests/1m (shadow)    60   60  tier:basic  user:b/c tool:search

                    """)
            let first = try await admin.tollgate("events", "--limit", "1").output
            #expect(first.hasSuffix("tool:search\nand more: see --limit\n"), "\(first)")
            let ofLimit = try await admin.tollgate("events", "--limit-name", "user:b/c/requests/60s")
            #expect(ofLimit.output.contains("user:b/c") && !ofLimit.output.contains("user:alice"))
            let ofScope = try await admin.tollgate("events", "--scope", "user:alice")
            #expect(ofScope.output.contains("user:alice") && !ofScope.output.contains("user:b/c"))
            let ofMode = try await admin.tollgate("events", "--mode", "shadow").output
            #expect(ofMode.contains("(shadow)") && !ofMode.contains("user:alice"))
            let held = DenialEvent(
                at: AdminHarness.alertTime, scope: try Scope(parsing: "team:x"), meter: .cost, period: .day,
                max: 20_000_000_000, used: 12_500_000_000, held: 7_000_000_000, source: "defaults", request: [])
            try await admin.alerts.denials.add(held)
            #expect(try await admin.tollgate("events", "--scope", "team:x").output.contains("  12.5/7   20  defaults"))
            let copies = """
                local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1][2]
                for i = 1, 2500 do redis.call('XADD', KEYS[1], '*', unpack(first)) end
                """
            try admin.redis.cli("EVAL", copies, "1", "tollgate:{alerts}:events")
            // The last match is beyond the first page, which examines at most 2000 events.
            let far = try await admin.tollgate("events", "--scope", "user:alice", "--json")
            #expect(far.output.contains(#""scope":"user:alice""#), "\(far.output)\(far.errors)")
            let many = try await admin.tollgate("events", "--limit", "2400", "--json")
            #expect(many.output.components(separatedBy: "\"limit\":").count == 2_401)
        }
    }

    @Test(
        "invalid arguments exit with 64 before any request",
        arguments: [
            ["alerts", "--state", "shut"], ["alerts", "--state", "open,"], ["alerts", "--severity", "high"],
            ["alerts", "--limit", "0"], ["events", "--limit", "10001"], ["alert", "resolve"],
            ["alert", "show", "a", "b"], ["alerts", "--scope", "nope"], ["events", "--scope", "nope"],
            ["events", "--limit-name", "alice/requests/1m"], ["events", "--mode", "both"],
        ])
    func refused(words: [String]) async throws {
        let folder = try TemporaryFolder()
        let result = try await Command.run(
            SidecarProcess.program, words, workingFolder: folder.path,
            environment: ["TOLLGATE_ADMIN_CONNECT": "unix:/no/such.sock", "TOLLGATE_ADMIN_TOKEN": "0123456789abcdef"])
        #expect(result.status == 64, "\(result.errors)")
    }

    @Test("an invalid limit of events is reported with its option")
    func limitName() async throws {
        let folder = try TemporaryFolder()
        let result = try await Command.run(
            SidecarProcess.program, ["events", "--limit-name", "bogus"], workingFolder: folder.path)
        #expect(result.status == 64)
        let sentence = "expected one such as requests/1m, user:alice/requests/1m or concurrent"
        #expect(
            result.errors.hasPrefix("Error: The value 'bogus' is invalid for '--limit-name <limit>': \(sentence)"),
            "\(result.errors)")
    }
}
