import Foundation
import Testing
import TollgateAdmin
import TollgateCore
import TollgateServer
import TollgateStores
import TollgateTestSupport

@testable import TollgateDashboard

/// The pages that show and do not edit: who, audit, deliveries, policy and system.
@Suite struct ReportPagesTests {
    private static let policy = """
        timezone: Europe/Berlin
        defaults: { user: { requests: { 1h: 5 } } }
        tiers:
          basic: { name: Basic, limits: { cost: { month: 100 } } }
          off: { enabled: false, limits: {} }
        assignments:
          - { role: Staff, tier: basic }
          - { role: Old, tier: off }
          - { default: true, tier: basic }

        """

    // MARK: - Who

    @Test("who explains the tier, what does not count, and every limit with its source")
    func who() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let viewer = try await dashboard.browser(as: .viewer)
            #expect(try await viewer.get("/who").status == 200)
            try await dashboard.api("POST", "/v1/record", #"{"scopes":{"user":"alice"},"cost":"85"}"#)
            let body = #"{"limits":{"tokens":{"day":10}},"expires_at":"2099-01-01T00:00:00Z","reason":"x"}"#
            _ = try await dashboard.api("PUT", "/v1/scopes/user:alice/override", body)
            for user in ["alice", "user%3Aalice"] {
                let page = try await viewer.get("/who?user=\(user)&roles=Staff%2COld&email=a%40b.c")
                #expect(page.status == 200)
                #expect(page.words.contains("Tier basic ( Basic ) via role:Staff , priority 200, from file"))
                #expect(page.words.contains("Europe/Berlin, days from 0:00, months from day 1"))
                #expect(page.words.contains("default basic 100 file a lower priority, or the same and later"))
                #expect(page.words.contains("role:Old off 200 file the tier is disabled"))
                #expect(page.words.contains("cost/month 85 0 100 15 85.0 %"))
                #expect(page.words.contains("tier:basic via role:Staff file"))
                #expect(page.words.contains("requests/1h 0 0 5 5 0.0 %"))
                #expect(page.text.contains("data-row=\"cost/month\" class=\"warning\""))
                #expect(page.text.contains("name=\"roles\" value=\"Staff,Old\""))
            }
            let long = String(repeating: "a", count: 2_000)
            let wrong = try await viewer.get("/who?user=\(long)")
            #expect(wrong.status == 400 && wrong.words.contains("id: ") && wrong.text.contains(long))
        }
    }

    // MARK: - Audit

    @Test("the audit log has the newest changes first, with the lines that differ")
    func audit() async throws {
        try await withDashboard { dashboard in
            let viewer = try await dashboard.browser(as: .viewer)
            #expect(try await viewer.get("/audit").words.contains("No changes by administrators."))
            try await dashboard.api("PUT", "/v1/tiers/gold", #"{"limits":{"requests":{"1m":5}}}"#)
            try await dashboard.api("PUT", "/v1/tiers/gold", #"{"limits":{"requests":{"1m":6}}}"#, ifMatch: "*")
            let page = try await viewer.get("/audit")
            #expect(page.words.contains("the admin 127.0.0.1 tier.set gold 2"))
            #expect(page.text.contains("<del>      &quot;1m&quot;: 5</del><ins>      &quot;1m&quot;: 6</ins>"))
            #expect(page.text.contains("<ins>{</ins>"))
            for number in 0..<55 {
                try await dashboard.api(
                    "PUT", "/v1/scopes/tool:t\(number)/limits", #"{"limits":{"requests":{"1m":5}}}"#)
            }
            let first = try await viewer.get("/audit")
            #expect(first.text.matches(of: /data-row=/).count == 50)
            let next = try #require(first.text.firstMatch(of: /<a href="([^"]+)" rel="next">/)).1
            let second = try await viewer.get(String(next))
            #expect(second.text.matches(of: /data-row=/).count == 7 && second.words.contains("First page"))
            #expect(try await viewer.get("/audit?cursor=x").status == 400)
        }
    }

    // MARK: - Deliveries

    @Test("receivers are listed with what failed, and tested and retried by administrators")
    func deliveries() async throws {
        let receivers = AlertReceivers([
            AlertReceiver(name: "log", endpoint: .log),
            AlertReceiver(
                name: "broken", endpoint: .pubsub(channel: "<b>alerts</b>"), filter: .init(severities: [.critical])),
        ])
        try await withDashboard(receivers: receivers) { dashboard in
            let key = "tollgate:{alerts}:dead-letters:broken"
            try dashboard.redis.cli("XGROUP", "CREATE", "tollgate:{alerts}:deliveries", "broken", "0", "MKSTREAM")
            try dashboard.redis.cli(
                "XADD", key, "*", "delivery", "1-1", "alert", "abc", "event", "opened", "attempts", "3", "first_at",
                "1795198801123", "reason", "<img src=x onerror=alert(1)>")
            let viewer = try await dashboard.browser(as: .viewer)
            let page = try await viewer.get("/deliveries")
            #expect(page.status == 200)
            #expect(page.words.contains("broken Type pubsub, to <b>alerts</b> Takes severities: critical"))
            #expect(page.words.contains("1 dead-lettered"))
            #expect(page.words.contains("abc opened dead-lettered"))
            page.expectNoMarkup(of: "<img src=x onerror=alert(1)>")
            #expect(!page.text.contains("action=\"/deliveries"))
            #expect(try await viewer.post("/deliveries/log/test").status == 403)
            #expect(try await viewer.post("/deliveries/broken/retry").status == 403)
            let admin = try await dashboard.browser(as: .admin)
            #expect(try await admin.send("POST", "/deliveries/log/test", []).status == 403)
            let tested = try await admin.submit("/deliveries/log/test")
            #expect(tested.words.contains("log: the test message was delivered in 38 ms."))
            let failed = try await admin.post("/deliveries/broken/test")
            #expect(failed.status == 502)
            #expect(failed.words.contains("broken: the test message was not delivered: connection <refused>"))
            let retried = try await admin.submit("/deliveries/broken/retry")
            #expect(retried.words.contains("broken: 0 failed and 0 dead-lettered deliveries are tried again."))
            #expect(retried.words.contains("The events of 1 others are no longer stored."))
            #expect(try await admin.post("/deliveries/none/test").status == 404)
        }
    }

    // MARK: - Policy

    @Test("the policy file is shown with line numbers and its state, also when it is unreadable")
    func policyFile() async throws {
        let policy = Self.policy + "# <img src=x onerror=alert(1)>\n"
        try await withDashboard(policy: policy) { dashboard in
            let viewer = try await dashboard.browser(as: .viewer)
            let page = try await viewer.get("/policy")
            #expect(page.status == 200)
            #expect(page.text.contains("<li id=\"L1\">timezone: Europe/Berlin</li>"))
            #expect(page.text.contains("<li id=\"L10\"># &lt;img src=x"))
            #expect(!page.text.contains("L11"))
            #expect(page.words.contains("Digest \(dashboard.server.activePolicy.digest)"))
            #expect(!page.text.contains("action=\"/policy"))
            #expect(try await viewer.post("/policy/validate", [("text", "a: 1")]).status == 403)
            try String(repeating: "#", count: 1 << 20 | 1).write(
                toFile: dashboard.policyFile, atomically: true, encoding: .utf8)
            #expect(try await viewer.get("/policy").words.contains("tollgate.yaml: is larger than 1 MiB"))
            try FileManager.default.removeItem(atPath: dashboard.policyFile)
            let missing = try await viewer.get("/policy")
            #expect(missing.status == 200 && missing.words.contains("tollgate.yaml: does not exist"))
        }
    }

    @Test("a text is validated, with its problems by line")
    func validate() async throws {
        try await withDashboard { dashboard in
            let admin = try await dashboard.browser(as: .admin)
            let text = "defaults:\r\n  user: { requests: { 1x: 5 } }\r\n# <script>alert(1)</script>\r\n"
            #expect(try await admin.send("POST", "/policy/validate", [("text", text)]).status == 403)
            let page = try await admin.post("/policy/validate", [("text", text)])
            #expect(page.status == 200 && page.words.contains("The policy is not valid:"))
            #expect(page.words.contains("Line 2 : defaults.user.requests.1x: "))
            #expect(page.text.contains("<li id=\"T2\" class=\"danger\">  user: "))
            #expect(page.text.contains("<li id=\"T1\" class=\"\">defaults:</li>"))
            #expect(page.shows(text) && !page.text.contains("data-refresh"))
            page.expectNoMarkup(of: "<script>alert(1)</script>")
            let valid = try await admin.post(
                "/policy/validate", [("text", "defaults: { user: { requests: { 1h: 5 } } }")])
            #expect(valid.words.contains("The policy is valid."))
            let empty = try await admin.post("/policy/validate", [("text", "")])
            #expect(empty.status == 400 && empty.words.contains("expected a policy file as the body"))
        }
    }

    // MARK: - System

    @Test("the system page shows what STATUS has, and the sidecars of the namespace")
    func system() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let viewer = try await dashboard.browser(as: .viewer)
            try await dashboard.api("POST", "/v1/check", #"{"scopes":{"user":"alice"}}"#)
            let others = "tollgate:{policy}:sidecars"
            let now = await dashboard.server.redisTime
            try dashboard.redis.cli("HSET", others, "feed", "\(now) 0a1b2c <img src=x onerror=alert(1)>:42")
            let page = try await viewer.get("/system")
            #expect(page.status == 200 && page.words.contains("ready"))
            #expect(page.words.contains("Version 0.1.0"))
            #expect(page.words.contains("Address unix:///"))
            #expect(page.words.contains("Allowed 1 Denied 0"))
            #expect(page.words.contains("Waiting writes 0"))
            #expect(
                page.words.contains("<img src=x onerror=alert(1)>:42 unknown another version 0a1b2c another policy"))
            page.expectNoMarkup(of: "<img src=x onerror=alert(1)>")
        }
    }

    @Test("the password of Redis is on no page")
    func secrets() async throws {
        let redis = try TestRedis(password: "secret-of-redis")
        try await withDashboard(policy: Self.policy, redis: redis) { dashboard in
            let admin = try await dashboard.browser(as: .admin)
            for path in ["/system", "/policy", "/deliveries"] {
                let page = try await admin.get(path)
                #expect(page.status == 200 && !page.text.contains("secret-of-redis"))
            }
            #expect(try await admin.get("/system").words.contains("Address unix://:***@/"))
        }
    }

    @Test("pages say so if Redis is away, and the system page stays")
    func away() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let viewer = try await dashboard.browser(as: .viewer)
            dashboard.redis.stop()
            try await eventually { await !dashboard.server.isReady }
            let system = try await viewer.get("/system")
            #expect(system.status == 200 && system.words.contains("Not ready: no connection to Redis"))
            #expect(system.words.contains("The sidecars are unknown"))
            #expect(try await viewer.get("/policy").status == 200)
            for path in ["/alerts", "/tiers", "/assignments", "/overrides", "/who?user=a", "/audit", "/deliveries"] {
                let page = try await viewer.get(path)
                #expect(page.status == 503, "\(path): \(page.status)")
            }
        }
    }

    @Test("hostile texts of queries are text", arguments: DashboardHarness.hostileIDs)
    func hostile(text: String) async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let admin = try await dashboard.browser(as: .admin)
            try await dashboard.api("PUT", "/v1/assignments/\(Markup.encoded("role:\(text)"))", #"{"tier":"basic"}"#)
            let who = try await admin.get("/who" + Markup.query([("user", text), ("roles", text), ("email", text)]))
            #expect(who.status == 200 && who.shows(text))
            who.expectNoMarkup(of: text)
            for path in ["/audit", "/tiers"] {
                let page = try await admin.get(path)
                #expect(page.status == 200 && page.shows("role:\(text)"))
                page.expectNoMarkup(of: text)
            }
            let query = Markup.query([("cursor", text), ("scope", text), ("state", text)])
            for path in ["/alerts", "/assignments", "/overrides", "/audit"] {
                try await admin.get(path + query).expectNoMarkup(of: text)
            }
            for path in ["/assignments/\(Markup.encoded(text))", "/tiers/\(Markup.encoded(text))"] {
                let page = try await admin.get(path)
                #expect(page.status == 400 || page.status == 404)
                page.expectNoMarkup(of: text)
            }
        }
    }
}
