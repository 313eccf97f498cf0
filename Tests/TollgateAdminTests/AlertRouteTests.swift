import Foundation
import Testing
import TollgateCore
import TollgateLedger
import TollgateTestSupport

@testable import TollgateAdmin
@testable import TollgateStores

@Suite("Alert and event routes")
struct AlertRouteTests {
    private func ids(_ answer: AdminHarness.Answer) -> [String] {
        answer["items"]?.items?.compactMap { $0.members?["id"]?.text } ?? []
    }

    @Test("an alert has the same bytes as in the stream, and a missing one is 404")
    func one() async throws {
        try await withAdmin { admin in
            let alerts = try await admin.raiseAlerts()
            let key = admin.alerts.keys.deliveries
            for (alert, entry) in zip(alerts, try await admin.alerts.stream.entries(after: "0", atMost: 10)) {
                let answer = try await admin.ask("GET", "/v1/alerts/\(alert.id)", token: AdminHarness.tokens[.viewer])
                #expect(answer.status == 200)
                let stored = try admin.redis.cli("XRANGE", key, entry.id, entry.id)
                #expect(stored.split(separator: "\n").last.map { $0 + "\n" } == answer.text[...])
                #expect(answer["limit"]?.text == "\(alert.scope)/\(alert.limitName)")
            }
            for id in ["none", "%C3%A9", "a.b", "A", String(repeating: "a", count: 65), "x%2Fy", "*"] {
                for (method, path) in [("GET", ""), ("POST", "/resolve"), ("POST", "/acknowledge")] {
                    let answer = try await admin.ask(method, "/v1/alerts/\(id)\(path)")
                    #expect(answer.status == 404, "\(id)")
                    #expect(answer.problem == "not_found")
                }
            }
        }
    }

    @Test("lists are filtered and paged, newest first")
    func lists() async throws {
        try await withAdmin { admin in
            let empty = try await admin.ask("GET", "/v1/alerts")
            #expect(empty.text == "{\"items\":[],\"next\":null}\n")
            let known = try await admin.raiseAlerts().map(\.id)
            _ = try await admin.ask("POST", "/v1/alerts/\(known[0])/resolve")
            for (query, expected) in [
                ("", [2, 1, 0]), ("?state=open", [2, 1]), ("?state=resolved", [0]),
                ("?state=open,resolved", [2, 1, 0]),
                ("?state=acknowledged", []), ("?scope=user:alice", [1, 0]), ("?scope=tool:d%2Buser:b/c", [2]),
                ("?scope=user=alice", [1, 0]), ("?scope=user=b/c%2Bd", []),
                ("?scope=user:alice&state=open", [1]), ("?severity=critical", [2, 1]),
                ("?severity=warning&state=resolved&scope=user:alice&limit=5", [0]), ("?limit=2", [2, 1]),
            ] as [(String, [Int])] {
                let answer = try await admin.ask("GET", "/v1/alerts\(query)")
                #expect(answer.status == 200, "\(answer.text)")
                #expect(ids(answer) == expected.map { known[$0] }, "\(query)")
                #expect((answer["next"] == .null) == (query != "?limit=2"), "\(query)")
            }
            let first = try await admin.ask("GET", "/v1/alerts?limit=2")
            let second = try await admin.ask("GET", "/v1/alerts?limit=2&cursor=\(first["next"]?.text ?? "")")
            #expect(ids(second) == [known[0]])
            #expect(second["next"] == .null)
        }
    }

    @Test("acknowledging and resolving are audited, and a repetition is 409 and names the author")
    func changes() async throws {
        try await withAdmin { admin in
            let alert = try await admin.raiseAlerts()[1]
            let path = "/v1/alerts/\(alert.id)"
            for token in [Role.viewer, .caller].map({ AdminHarness.tokens[$0] }) {
                for verb in ["acknowledge", "resolve"] {
                    #expect(try await admin.ask("POST", "\(path)/\(verb)", token: token).status == 403)
                }
            }
            #expect(try await admin.ask("GET", path)["state"]?.text == "open")
            let seen = try await admin.ask("POST", "\(path)/acknowledge")
            #expect(seen.status == 200, "\(seen.text)")
            #expect(seen["state"]?.text == "acknowledged" && seen["acknowledged_by"]?.text == "the admin")
            #expect(seen["acknowledged_at"]?.text?.hasPrefix("20") == true)
            let again = try await admin.ask("POST", "\(path)/acknowledge")
            #expect(again.status == 409 && again.problem == "conflict")
            #expect(again["detail"]?.text == "\(alert.id): acknowledged by the admin already")
            let done = try await admin.ask("POST", "\(path)/resolve", "{}")
            #expect(done.status == 200, "\(done.text)")
            #expect(done["state"]?.text == "resolved" && done["resolved_by"]?.text == "the admin")
            #expect(done["reason"]?.text == "by_hand")
            #expect(try await admin.ask("GET", path).text == done.text)
            for verb in ["acknowledge", "resolve"] {
                let refused = try await admin.ask("POST", "\(path)/\(verb)")
                #expect(refused.status == 409)
                #expect(refused["detail"]?.text == "\(alert.id): resolved by the admin already (by_hand)")
            }
            let log = try await admin.ask("GET", "/v1/audit")["items"]?.items?.compactMap(\.members) ?? []
            #expect(log.map { $0["action"]?.text } == ["alert.resolve", "alert.acknowledge"])
            #expect(log.allSatisfy { $0["target"]?.text == alert.id && $0["who"]?.text == "the admin" })
            #expect(log.allSatisfy { $0["version"] == .null })
            func state(_ text: String) -> JSONValue { .object(["state": .string(text)]) }
            #expect(log.map { $0["before"] } == [state("acknowledged"), state("open")])
            #expect(log.map { $0["after"] } == [state("resolved"), state("acknowledged")])
        }
    }

    @Test("events are filtered by scope and limit, and paged by count")
    func events() async throws {
        try await withAdmin { admin in
            #expect(try await admin.ask("GET", "/v1/events").text == "{\"items\":[],\"next\":null}\n")
            try await admin.raiseAlerts()
            for (query, expected) in [
                ("", ["user:alice", "user:b/c"]), ("?count=1", ["user:alice"]), ("?scope=user:alice", ["user:alice"]),
                ("?limit=requests/60s", ["user:b/c"]), ("?limit=user:b/c/requests/1m", ["user:b/c"]),
                ("?limit=requests/day&scope=user:alice", ["user:alice"]), ("?limit=user:alice/requests/1m", []),
                ("?limit=user:alice/requests/day&scope=user:alice", ["user:alice"]), ("?limit=concurrent", []),
                ("?limit=user:a/b/concurrent", []), ("?mode=shadow", ["user:b/c"]), ("?mode=enforce", ["user:alice"]),
                ("?mode=shadow&scope=user:alice", []),
            ] {
                let answer = try await admin.ask("GET", "/v1/events\(query)")
                #expect(answer.status == 200, "\(query) \(answer.text)")
                let scopes = answer["items"]?.items?.compactMap { $0.members?["scope"]?.text }
                #expect(scopes == expected, "\(query)")
            }
            let first = try await admin.ask("GET", "/v1/events?count=1")
            let item = try #require(first["items"]?.items?.first?.members)
            #expect(item["id"] == .string(try await admin.alerts.denials.events(atMost: 1).items[0].id))
            #expect(item["at"]?.text == "2026-11-20T18:20:01.123Z" && item["max"] == .integer(60))
            #expect(item["held"] == .integer(0) && item["mode"]?.text == "enforce")
            #expect(item["request"] == .array([.string("user:alice"), .string("tool:search")]))
            let second = try await admin.ask("GET", "/v1/events?count=1&cursor=\(first["next"]?.text ?? "")")
            #expect(second["items"]?.items?.first?.members?["scope"]?.text == "user:b/c")
        }
    }

    @Test(
        "an invalid filter is 400 and names the field",
        arguments: [
            ("alerts?state=shut", "state: expected one of open, acknowledged, resolved"),
            ("alerts?state=open,", "state: expected one of open, acknowledged, resolved"),
            ("alerts?severity=high", "severity: expected one of warning, critical"),
            ("alerts?scope=alice", "scope: alice: expected kind:id"), ("alerts?limit=0", "limit: expected"),
            ("alerts?cursor=x", "cursor: expected the next"), ("alerts?kind=user", "kind: unknown query parameter"),
            ("events?scope=", "scope: "), ("events?count=1001", "count: expected a whole number from 1 to 1000"),
            ("events?limit=5", "limit: expected one such as requests/1m"),
            ("events?limit=concurrent/1m", "limit: expected one such as requests/1m"),
            ("events?limit=requests/1x", "limit: expected one such as requests/1m"),
            ("events?limit=alice/requests/1m", "limit: alice: expected kind:id"),
            ("events?limit=user:a/requests/1m&scope=user:b", "limit: names another scope than scope does"),
            ("events?mode=both", "mode: expected enforce or shadow"),
            ("events?cursor=%25%25%25", "cursor: expected the next"),
            ("alerts/none?limit=1", "limit: unknown query parameter"),
        ])
    func refused(path: String, sentence: String) async throws {
        try await withAdmin { admin in
            let answer = try await admin.ask("GET", "/v1/\(path)")
            #expect(answer.status == 400, "\(path): \(answer.text)")
            #expect(answer.problem == "bad_request")
            #expect(answer["detail"]?.text?.hasPrefix(sentence) == true, "\(answer.text)")
        }
    }

    @Test("a body with fields is rejected and changes nothing")
    func bodies() async throws {
        try await withAdmin { admin in
            let path = "/v1/alerts/\(try await admin.raiseAlerts()[0].id)"
            for (body, status) in [(#"{"by":"me"}"#, 422), ("[]", 422), ("{", 400)] {
                #expect(try await admin.ask("POST", "\(path)/resolve", body).status == status)
            }
            #expect(try await admin.ask("GET", path)["state"]?.text == "open")
        }
    }

    @Test("a change succeeds even if the audit log cannot be written")
    func brokenLog() async throws {
        try await withAdmin { admin in
            let path = "/v1/alerts/\(try await admin.raiseAlerts()[0].id)"
            try admin.redis.cli("SET", "tollgate:{policy}:audit", "broken")
            #expect(try await admin.ask("POST", "\(path)/resolve").status == 200)
            #expect(try await admin.ask("GET", path)["state"]?.text == "resolved")
            try await eventually { admin.log.text.contains("change made") }
        }
    }

    @Test("foreign data in Redis is an internal error that names the key, and lists omit it")
    func corrupt() async throws {
        try await withAdmin { admin in
            let alerts = try await admin.raiseAlerts()
            let key = "tollgate:{alerts}:alert:\(alerts[1].id)"
            try admin.redis.cli("HSET", key, "scope", "?")
            try admin.redis.cli("XADD", "tollgate:{alerts}:events", "*", "scope", "global", "event", "{}")
            let answer = try await admin.ask("GET", "/v1/alerts/\(alerts[1].id)")
            #expect(answer.status == 500)
            #expect(answer["detail"]?.text == "\(key): malformed alert")
            let list = try await admin.ask("GET", "/v1/alerts")
            #expect(list.status == 200)
            #expect(ids(list) == [alerts[2].id, alerts[0].id])
            try await eventually { admin.log.text.contains("\(key): malformed alert") }
            #expect(try await admin.ask("GET", "/v1/events")["items"]?.items?.count == 2)
        }
    }
}
