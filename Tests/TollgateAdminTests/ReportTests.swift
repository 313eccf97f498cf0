import Foundation
import Testing
import TollgateCore
import TollgateServer
import TollgateTestSupport

@testable import TollgateAdmin

@Suite("Settings routes")
struct ReportTests {
    private static let policy = """
        timezone: Europe/Berlin
        defaults: { user: { requests: { 1m: 60 } }, tenant: { tokens: { day: 1000 } } }
        scopes: { "tool:search": { requests: { 1m: 10 } } }
        tiers:
          basic: { name: Basic, limits: { cost: { month: 100 } } }
          premium: { limits: { cost: { month: 500 } }, timezone: America/New_York, reset_hour: 6, billing_day: 15 }
        assignments:
          - { role: Faculty, tier: premium }
          - { user: bob, tier: premium }
          - { default: true, tier: basic }
        """

    @Test("a user's tier, its reason, usage and override are shown")
    func user() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            let plain = try await admin.ask("GET", "/v1/users/alice")
            #expect(plain.status == 200, "\(plain.text)")
            #expect(plain["tier"]?.members?["id"]?.text == "basic")
            #expect(plain["tier"]?.members?["via"]?.text == "default")
            #expect(plain["override"] == .null)
            #expect(plain["calendar"]?.members?["timezone"]?.text == "Europe/Berlin")

            _ = try await admin.ask("POST", "/v1/record", #"{"scopes":{"user":"alice"},"cost":"12.5","requests":3}"#)
            let override = #"{"add":{"cost/month":"50"},"expires_at":"\#(VersionTests.inAnHour)","reason":"deadline"}"#
            #expect(try await admin.ask("PUT", "/v1/scopes/user:alice/override", override).status == 201)
            let answer = try await admin.ask("GET", "/v1/users/alice?roles=Staff,Faculty&email=alice@example.com")
            #expect(answer["scope"]?.text == "user:alice")
            #expect(answer["tier"]?.members?["via"]?.text == "role:Faculty")
            #expect(answer["tier"]?.members?["priority"] == .integer(200))
            #expect(answer["candidates"]?.items?.compactMap { $0.members?["id"]?.text } == ["role:Faculty", "default"])
            #expect(answer["override"]?.members?["reason"]?.text == "deadline")
            #expect(
                answer["calendar"]
                    == .object([
                        "timezone": .string("America/New_York"), "reset_hour": .integer(6), "billing_day": .integer(15),
                    ]))
            let limits = answer["limits"]?.items?.compactMap(\.members) ?? []
            let cost = try #require(limits.first { $0["limit"]?.text == "cost/month" })
            #expect(cost["max"]?.text == "550")
            #expect(cost["source"]?.text == "override")
            #expect(cost["used"]?.text == "12.5")
            #expect(cost["remaining"]?.text == "537.5")
            let requests = try #require(limits.first { $0["limit"]?.text == "requests/1m" })
            #expect(requests["used"] == .integer(3))
            #expect(requests["percent"] == .integer(5))
            #expect(requests["source"]?.text == "defaults")
            #expect(requests["origin"]?.text == "file")
        }
    }

    @Test("a change applies to the next request")
    func atOnce() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            let client = try admin.lineClient()
            for max in 1...20 {
                // Every other change, Redis cannot notify the sidecar: the API itself must.
                if max.isMultiple(of: 2) { try admin.redis.cli("CLIENT", "KILL", "TYPE", "pubsub") }
                let body = #"{"limits":{"requests":{"1m":\#(max)}}}"#
                let headers = max == 1 ? [:] : ["If-Match": "*"]
                _ = try await admin.ask("PUT", "/v1/scopes/user:carol/limits", body, headers: headers)
                let reply = try await client.ask("PEEK user=carol")[0]
                #expect(reply.contains("limit=user:carol/requests/1m max=\(max) "), "\(reply)")
            }
            try admin.redis.cli("CLIENT", "KILL", "TYPE", "pubsub")
            #expect(
                try await admin.ask("DELETE", "/v1/scopes/user:carol/limits", headers: ["If-Match": "*"]).status == 204)
            #expect(try await client.ask("PEEK user=carol")[0].contains("max=60"))
            try admin.redis.cli("CLIENT", "KILL", "TYPE", "pubsub")
            _ = try await admin.ask("PUT", "/v1/tiers/basic", #"{"limits":{"cost":{"month":"7"}}}"#)
            #expect(try await client.ask("PEEK user=carol cost=8")[0].contains("max=7 "))
        }
    }

    @Test("a reset affects all or the named counters, and nothing else")
    func reset() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            func used() async throws -> [String: JSONValue] {
                let limits = try await admin.ask("GET", "/v1/users/dave")["limits"]?.items?.compactMap(\.members) ?? []
                return Dictionary(uniqueKeysWithValues: limits.map { ($0["limit"]?.text ?? "", $0["used"] ?? .null) })
            }
            let record = #"{"scopes":{"user":"dave"},"cost":"2","requests":4}"#
            _ = try await admin.ask("POST", "/v1/record", record)
            #expect(try await used() == ["cost/month": .string("2"), "requests/1m": .integer(4)])
            let one = try await admin.ask("POST", "/v1/scopes/user:dave/reset", #"{"limits":["requests/60s"]}"#)
            #expect(one.status == 200, "\(one.text)")
            #expect(one["limits"] == .array([.string("requests/1m")]))
            #expect(try await used() == ["cost/month": .string("2"), "requests/1m": .integer(0)])
            _ = try await admin.ask("POST", "/v1/record", record)
            let none = try await admin.ask(
                "POST", "/v1/scopes/user:dave/reset", #"{"limits":["cost/month","requests/1h"]}"#)
            #expect(none.status == 422)
            #expect(none.fields == ["limits[1]"])
            #expect(
                none["detail"]?.text
                    == "limits[1]: user:dave has no limit requests/1h; its limits are cost/month, requests/1m")
            #expect(try await used()["cost/month"] == .string("4"))
            let all = try await admin.ask("POST", "/v1/scopes/user:dave/reset")
            #expect(all.status == 200, "\(all.text)")
            #expect(try await used() == ["cost/month": .string("0"), "requests/1m": .integer(0)])
        }
    }

    @Test("tiers and assignments of the file and of administrators are one list")
    func lists() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            _ = try await admin.ask("PUT", "/v1/tiers/gold", #"{"limits":{"cost":{"day":1.5}}}"#)
            _ = try await admin.ask("PUT", "/v1/tiers/basic", #"{"limits":{}}"#)
            let tiers = try await admin.ask("GET", "/v1/tiers")["items"]?.items?.compactMap(\.members) ?? []
            #expect(tiers.compactMap { $0["id"]?.text } == ["basic", "gold", "premium"])
            #expect(tiers.compactMap { $0["origin"]?.text } == ["admin", "admin", "file"])
            #expect(tiers[1]["limits"] == .object(["cost": .object(["day": .string("1.5")])]))
            #expect(tiers[2]["version"] == .null)

            for subject in ["user:bob", "user:zed", "role:Staff"] {
                _ = try await admin.ask("PUT", "/v1/assignments/\(subject)", #"{"tier":"gold"}"#)
            }
            var ids: [String] = []
            var cursor = ""
            repeat {
                let page = try await admin.ask("GET", "/v1/assignments?limit=2\(cursor)")
                #expect(page.status == 200, "\(page.text)")
                ids += page["items"]?.items?.compactMap { $0.members?["id"]?.text } ?? []
                let next = page["next"]?.text?.addingPercentEncoding(withAllowedCharacters: .alphanumerics)
                cursor = next.map { "&cursor=\($0)" } ?? ""
            } while !cursor.isEmpty
            #expect(ids == ["role:Faculty", "default", "role:Staff", "user:bob", "user:zed"])
        }
    }

    @Test("reading a scope does not list it as seen")
    func looking() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            for user in ["a", "b", "c"] {
                _ = try await admin.ask("POST", "/v1/check", #"{"scopes":{"user":"\#(user)"}}"#)
            }
            func seen() async throws -> [String] {
                try await admin.ask("GET", "/v1/scopes?kind=user")["items"]?.items?
                    .compactMap { $0.members?["scope"]?.text }.sorted() ?? []
            }
            try await eventually { try await seen() == ["user:a", "user:b", "user:c"] }
            await admin.server.settingsChanged(of: try Scope(parsing: "user:a"))
            _ = try await admin.ask("GET", "/v1/users/a")
            _ = try await admin.ask("GET", "/v1/users/nobody")
            _ = try await admin.lineClient().ask("USAGE scope=user:usage")
            // This request records the scope.
            _ = try await admin.ask("POST", "/v1/check", #"{"scopes":{"user":"d"}}"#)
            try await eventually { try await seen().contains("user:d") }
            #expect(try await seen() == ["user:a", "user:b", "user:c", "user:d"])
        }
    }

    @Test("limits of further composite kinds are rejected at the maximum")
    func tooManyKinds() async throws {
        let kinds = (0..<31).map { "  user+k\($0): { requests: { 1m: 5 } }" }.joined(separator: "\n")
        try await withAdmin(policy: "defaults:\n\(kinds)") { admin in
            let body = #"{"limits":{"requests":{"1m":1}}}"#
            #expect(try await admin.ask("PUT", "/v1/scopes/user:a+tool:t/limits", body).status == 201)
            #expect(try await admin.ask("PUT", "/v1/scopes/user:b+tool:t/limits", body).status == 201)
            let refused = try await admin.ask("PUT", "/v1/scopes/user:a+team:t/limits", body)
            #expect(refused.status == 422)
            #expect(refused["detail"]?.text?.contains("32 composite kinds") == true)
            let override = #"{"limits":{"requests":{"1m":1}},"expires_at":"\#(VersionTests.inAnHour)","reason":"x"}"#
            #expect(try await admin.ask("PUT", "/v1/scopes/user:a+team:t/override", override).status == 422)
        }
    }

    @Test("seen scopes are listed by kind, newest first")
    func seen() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            let client = try admin.lineClient()
            for tenant in ["a", "b", "c/d"] {
                _ = try await client.ask("RECORD tenant=\(tenant) tokens=7")
                // Distinct times.
                try await Task.sleep(for: .milliseconds(5))
            }
            var scopes: [String] = []
            try await eventually {
                let answer = try await admin.ask("GET", "/v1/scopes?kind=tenant&limit=10")
                scopes = answer["items"]?.items?.compactMap { $0.members?["scope"]?.text } ?? []
                return scopes.count == 3
            }
            #expect(scopes == ["tenant:c/d", "tenant:b", "tenant:a"])
            let first = try await admin.ask("GET", "/v1/scopes?kind=tenant&limit=1")
            let limits = first["items"]?.items?.first?.members?["limits"]?.items ?? []
            #expect(limits.first?.members?["used"] == .integer(7))
            #expect(first["next"]?.text != nil)
            #expect(try await admin.ask("GET", "/v1/scopes?kind=team")["items"] == .array([]))
        }
    }

    @Test("the audit log lists changes with their authors, newest first")
    func audit() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            _ = try await admin.ask("PUT", "/v1/tiers/gold", #"{"limits":{"requests":{"1m":1}}}"#)
            _ = try await admin.ask("PUT", "/v1/tiers/gold", #"{"limits":{}}"#, headers: ["If-Match": "*"])
            _ = try await admin.ask("DELETE", "/v1/tiers/gold", headers: ["If-Match": "*"])
            let answer = try await admin.ask("GET", "/v1/audit?limit=2")
            let entries = answer["items"]?.items?.compactMap(\.members) ?? []
            #expect(entries.compactMap { $0["action"]?.text } == ["tier.delete", "tier.set"])
            #expect(entries[0]["who"]?.text == "the admin")
            #expect(entries[0]["from"]?.text == "127.0.0.1")
            #expect(entries[0]["target"]?.text == "gold")
            #expect(entries[0]["after"] == .null)
            #expect(entries[1]["before"]?.members?["limits"] == .object(["requests": .object(["1m": .integer(1)])]))
            let next = try #require(answer["next"]?.text)
            let rest = try await admin.ask("GET", "/v1/audit?cursor=\(next)")["items"]?.items ?? []
            #expect(rest.compactMap { $0.members?["action"]?.text } == ["tier.set"])
            #expect(rest.first?.members?["before"] == .null)
        }
    }

    @Test("the policy in force is shown with the origin of each part")
    func policy() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            _ = try await admin.ask("PUT", "/v1/assignments/role:Staff", #"{"tier":"basic"}"#)
            let answer = try await admin.ask("GET", "/v1/policy")
            #expect(answer.status == 200, "\(answer.text)")
            #expect(answer["currency"]?.text == "USD")
            #expect(answer["timezone"]?.text == "Europe/Berlin")
            #expect(answer["on_redis_failure"]?.members?["cost"]?.text == "closed")
            #expect(answer["defaults"]?.members?["user"]?.members?["origin"]?.text == "file")
            #expect(answer["scopes"]?.members?.keys.sorted() == ["tool:search"])
            #expect(answer["tiers"]?.items?.count == 2)
            let ids = answer["assignments"]?.items?.compactMap { $0.members?["id"]?.text }
            #expect(ids == ["role:Faculty", "user:bob", "default", "role:Staff"])
        }
    }

    @Test("a policy file is validated without being applied")
    func validate() async throws {
        try await withAdmin(waits: false) { admin in
            let good = try await admin.ask(
                "POST", "/v1/policy/validate", Self.policy, headers: ["Content-Type": "text/yaml"])
            #expect(good.json == .object(["valid": .bool(true), "warnings": .array([])]))
            let bad = try await admin.ask(
                "POST", "/v1/policy/validate", "timezone: UTC\ndefaults: { user: { request: 5 } }\n")
            #expect(bad.status == 200)
            #expect(bad["valid"] == .bool(false))
            let error = try #require(bad["errors"]?.items?.first?.members)
            #expect(error["line"] == .integer(2))
            #expect(error["path"]?.text == "defaults.user.request")
            #expect(try await admin.ask("POST", "/v1/policy/validate", "\u{1}").status == 200)
        }
    }

    @Test("the policy omits replaced assignments of the file, also of a user with a plus sign")
    func replacedAssignments() async throws {
        let policy = """
            tiers: { a: { limits: {} }, b: { limits: {} } }
            assignments: [{ user: alice, tier: a }, { user: bob+test, tier: a }, { user: carol, tier: a }]
            """
        try await withAdmin(policy: policy) { admin in
            for id in ["user:alice", "user:bob++test"] {
                let answer = try await admin.ask("PUT", "/v1/assignments/\(id)", #"{"tier":"b"}"#)
                #expect(answer["id"]?.text == id)
                #expect(answer["subject"]?.text == (id == "user:alice" ? "alice" : "bob+test"))
            }
            #expect(try await admin.ask("GET", "/v1/users/bob%2Btest")["tier"]?.members?["id"]?.text == "b")
            #expect(try await admin.ask("PUT", "/v1/assignments/user:bob+test", #"{"tier":"b"}"#).status == 400)
            let items = try await admin.ask("GET", "/v1/policy")["assignments"]?.items ?? []
            #expect(items.compactMap { $0.members?["id"]?.text } == ["user:carol"])
            let audit = try await admin.ask("GET", "/v1/audit")["items"]?.items ?? []
            #expect(audit.first?.members?["target"]?.text == "user:bob++test")
        }
    }

    @Test("validating a policy changes nothing, and a reset of null is rejected")
    func noChange() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            let empty = try await admin.ask("POST", "/v1/policy/validate", "# nothing")
            #expect(empty["valid"] == .bool(false) && empty.text.contains("no limits: "), "\(empty.text)")
            #expect(try await admin.ask("POST", "/v1/policy/validate", "").status == 400)
            #expect(!admin.log.text.contains("change made"))
            let answer = try await admin.ask("POST", "/v1/scopes/user:a/reset", #"{"limits":null}"#)
            #expect(answer.status == 422)
            #expect(answer.fields == ["limits"])
            #expect(try await admin.ask("GET", "/v1/audit")["items"]?.items == [])
        }
    }

    @Test("without Redis, routes that need it are 503, and the process keeps running")
    func withoutRedis() async throws {
        let redis = try TestRedis()
        try await withAdmin(policy: Self.policy, redis: redis) { admin in
            #expect(try await admin.ask("GET", "/readyz", token: nil).json == .object(["status": .string("ready")]))
            redis.stop()
            for (method, path) in [
                ("GET", "/v1/tiers"), ("GET", "/v1/users/alice"), ("GET", "/v1/scopes/user:a/limits"),
                ("GET", "/v1/audit"),
            ] {
                let answer = try await admin.ask(method, path)
                #expect(answer.status == 503 || answer.status == 504, "\(path): \(answer.text)")
            }
            #expect(try await admin.ask("PUT", "/v1/tiers/gold", #"{"limits":{}}"#).status == 503)
            #expect(try await admin.ask("GET", "/healthz", token: nil).status == 200)
            try await eventually {
                let ready = try await admin.ask("GET", "/readyz", token: nil)
                return ready.status == 503 && ready["status"]?.text == "not_ready"
            }
            let closed = try await admin.ask("POST", "/v1/check", #"{"scopes":{"user":"alice"},"cost":"1"}"#)
            #expect(closed.status == 503)
            #expect(closed.problem == "unavailable")
            #expect(closed["detail"]?.text?.hasSuffix("ready") == false)
            let open = try await admin.ask("POST", "/v1/check", #"{"scopes":{"tenant":"x"}}"#)
            #expect(open.status == 200)
            #expect(open["degraded"] == .bool(true))
        }
    }
}
