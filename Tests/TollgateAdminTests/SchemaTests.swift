import Foundation
import Synchronization
import Testing
import TollgateCore
import TollgateServer
import TollgateStores
import TollgateTestSupport

@testable import TollgateAdmin

@Suite(
    "Responses match their schema",
    .enabled(if: Python.hasValidator, "needs a Python with the package openapi-spec-validator: run scripts/test"))
struct SchemaTests {
    private static let policy = """
        defaults:
          user: { requests: { 1m: 2 }, cost: { month: { max: 5, thresholds: [50] } } }
        scopes:
          tool:search: { tokens: { 1h: { max: 1000, mode: shadow } } }
          tool:off: { requests: { 1m: 0 } }
          tool:small: { tokens: { request: 10 } }
        tiers: { basic: { name: Basic, limits: { cost: { month: 100 } } } }
        assignments:
          - { user: alice, tier: basic }
          - { default: true, tier: basic }
        prices:
          openai: { gpt-4o: { input: 2.50 }, gpt-5*: [{ input: 1 }, { from: 2027-01-01, output: 2 }] }
        unknown_model: { input: 1 }
        accounts:
          main: { provider: anthropic, credential_file: /nonexistent/key, limits: { tokens: { month: 5 } } }
          plain: { provider: github, bind: github }
        """

    /// Method, path, body.
    private static let requests: [(String, String, String?)] = [
        ("GET", "/healthz", nil), ("GET", "/readyz", nil), ("GET", "/openapi.json", nil),
        ("PUT", "/v1/tiers/gold", #"{"name":"Gold","limits":{"cost":{"month":"5"},"concurrent":3},"reset_hour":6}"#),
        ("PUT", "/v1/tiers/trial", #"{"limits":{},"description":"For a week","enabled":false}"#),
        ("PUT", "/v1/assignments/role:T", #"{"tier":"trial"}"#), ("GET", "/v1/users/eve?roles=T", nil),
        ("PUT", "/v1/tiers/gold", #"{"limits":{"requests":{"1m":null}}}"#), ("PUT", "/v1/tiers/gold", "{}"),
        ("GET", "/v1/tiers", nil), ("GET", "/v1/tiers/gold", nil), ("GET", "/v1/tiers/basic", nil),
        ("GET", "/v1/tiers/none", nil), ("DELETE", "/v1/tiers/basic", nil), ("PUT", "/v1/tiers/other", "{"),
        ("PUT", "/v1/assignments/user:alice", #"{"tier":"gold"}"#),
        ("PUT", "/v1/assignments/role:R", #"{"tier":"gold","priority":-1,"enabled":false}"#),
        ("GET", "/v1/assignments/user:alice", nil), ("GET", "/v1/assignments?limit=1", nil),
        ("GET", "/v1/assignments", nil),
        ("PUT", "/v1/scopes/user:alice/limits", #"{"limits":{"requests":{"1h":9},"cost":{"request":"0.5"}}}"#),
        ("GET", "/v1/scopes/user:alice/limits", nil), ("GET", "/v1/scopes/tool:search/limits", nil),
        (
            "PUT", "/v1/scopes/user:alice/override",
            #"{"limits":{"requests":{"1m":50}},"add":{"cost/month":"5"},"expires_at":"\#(VersionTests.inAnHour)","reason":"r"}"#
        ),
        ("GET", "/v1/limits", nil), ("GET", "/v1/limits?limit=1", nil), ("GET", "/v1/limits?cursor=x", nil),
        ("GET", "/v1/overrides", nil), ("GET", "/v1/overrides?scope=user:alice", nil),
        ("GET", "/v1/overrides?scope=user:bob", nil), ("GET", "/v1/usage?scope=user:alice&roles=R", nil),
        ("GET", "/v1/usage", nil),
        ("GET", "/v1/users/alice?roles=R&email=a%40example.com", nil), ("GET", "/v1/users/bob", nil),
        ("POST", "/v1/check", #"{"scopes":{"user":"alice","tool":"search"},"cost":"0.25","tokens":2000}"#),
        ("POST", "/v1/check", #"{"scopes":{"user":"bob"},"requests":3}"#),
        ("POST", "/v1/check", #"{"scopes":{"user":"bob","tool":"off"}}"#),
        ("POST", "/v1/peek", #"{"scopes":{"tool":"small"},"tokens":11}"#),
        ("POST", "/v1/peek", #"{"scopes":{"user":"bob"}}"#),
        ("POST", "/v1/check", #"{"scopes":{"account":"x"}}"#), ("POST", "/v1/check", #"{"scopes":7}"#),
        ("POST", "/v1/record", #"{"scopes":{"user":"bob","provider":"openai"},"cost":"4","id":"one"}"#),
        ("POST", "/v1/refund", #"{"scopes":{"user":"bob"},"cost":"1"}"#),
        ("POST", "/v1/commit", #"{"reservation":"nonsense"}"#),
        ("GET", "/v1/scopes?kind=user", nil), ("GET", "/v1/scopes?kind=tool&limit=1", nil),
        ("POST", "/v1/scopes/user:bob/reset", #"{"limits":["requests/1m"]}"#),
        ("POST", "/v1/scopes/user:bob/reset", #"{"limits":null}"#),
        ("GET", "/v1/prices", nil), ("GET", "/v1/prices?model=gpt-5-x", nil), ("GET", "/v1/prices?model=", nil),
        ("POST", "/v1/record", #"{"scopes":{"user":"bob","model":"gpt-5-x","account":"main"},"input_tokens":7}"#),
        ("POST", "/v1/check", #"{"scopes":{"user":"bob","model":"nope"},"seconds":1.5}"#),
        ("GET", "/v1/accounts", nil), ("GET", "/v1/accounts/main", nil), ("GET", "/v1/accounts/none", nil),
        ("POST", "/v1/accounts/main/sync", "{}"), ("POST", "/v1/accounts/plain/sync", "{}"),
        ("POST", "/v1/accounts/main/sync", "["), ("GET", "/v1/accounts/main", nil),
        (
            "PUT", "/v1/accounts/new",
            #"{"provider":"anthropic","credential_file":"/nonexistent/key","workspace_ids":["w"],"limits":{"cost":{"month":"5"}}}"#
        ),
        ("PUT", "/v1/accounts/new", "{}"), ("PUT", "/v1/accounts/new", #"{"provider":"github"}"#),
        ("GET", "/v1/accounts", nil), ("GET", "/v1/accounts/new", nil), ("GET", "/v1/policy", nil),
        ("DELETE", "/v1/accounts/new", nil), ("DELETE", "/v1/accounts/main", nil), ("DELETE", "/v1/accounts/none", nil),
        ("GET", "/v1/policy", nil), ("POST", "/v1/policy/validate", "defaults: 7"), ("POST", "/v1/policy/validate", ""),
        ("GET", "/v1/alerts", nil), ("GET", "/v1/alerts?limit=1", nil), ("GET", "/v1/alerts?state=none", nil),
        ("GET", "/v1/alerts/none", nil), ("POST", "/v1/alerts/none/resolve", nil), ("GET", "/v1/events", nil),
        ("GET", "/v1/events?count=1", nil), ("GET", "/v1/events?limit=none", nil),
        ("GET", "/v1/reports/daily?scope=user:alice&by=tool", nil), ("GET", "/v1/reports/daily?scope=user:bob", nil),
        ("GET", "/v1/reports/daily?scope=user:bob&by=provider", nil),
        ("GET", "/v1/reports/monthly?scope=user:bob&by=provider", nil),
        ("GET", "/v1/reports/monthly?scope=user:alice&by=provider", nil), ("GET", "/v1/reports/top?kind=user", nil),
        ("GET", "/v1/reports/daily", nil), ("GET", "/v1/reports/monthly?scope=model:x", nil),
        ("GET", "/v1/reports/top?kind=model", nil),
        ("GET", "/v1/reports/drift", nil), ("GET", "/v1/reports/drift?account=main&format=json", nil),
        ("GET", "/v1/reports/drift?account=none", nil), ("GET", "/v1/reports/drift?from=now", nil),
        ("GET", "/v1/reports/top?kind=user&meter=cost&day=2026-11-20", nil),
        ("DELETE", "/v1/scopes/user:alice/override", nil), ("GET", "/v1/audit?limit=3", nil), ("GET", "/v1/audit", nil),
        ("GET", "/v1/sidecars", nil), ("GET", "/v1/sidecars?limit=1", nil),
        ("GET", "/v1/deliveries", nil), ("POST", "/v1/deliveries/log/test", nil),
        ("POST", "/v1/deliveries/log/retry", nil), ("POST", "/v1/deliveries/none/retry", nil),
        ("GET", "/v1/audit?limit=2", nil), ("POST", "/v1/sign-in-links", nil), ("POST", "/v1/sign-in-links", "{"),
        ("POST", "/v1/sign-in-links", #"{"for":"me"}"#),
        ("GET", "/v1/log-level", nil), ("PUT", "/v1/log-level", #"{"level":"debug","seconds":60}"#),
        ("PUT", "/v1/log-level", #"{"level":"info"}"#), ("PUT", "/v1/log-level", #"{"level":"loud","seconds":0}"#),
        ("PUT", "/v1/log-level", "["), ("GET", "/v1/audit?limit=1", nil),
    ]

    /// Prints every response in the second file that does not match the document in the first.
    private static let validator = """
        import json, sys
        from jsonschema import Draft202012Validator
        document = json.load(open(sys.argv[1]))
        for answer in json.load(open(sys.argv[2])):
            responses = document["paths"][answer["path"]][answer["method"]]["responses"]
            response = responses[answer["status"]]
            if "$ref" in response:
                response = document["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
            name = " ".join([answer["method"], answer["path"], answer["status"]])
            if not response.get("content"):
                if answer["body"]: print(name, "has a body")
                continue
            content = response["content"].get("application/json") or list(response["content"].values())[0]
            schema = dict(content["schema"], components=document["components"])
            for error in Draft202012Validator(schema).iter_errors(json.loads(answer["body"])):
                print(name, error.json_path, error.message)
        """

    /// Adds a failing and a dead-lettered delivery, as another sidecar stores them.
    private static func addDeliveries(to redis: TestRedis) throws {
        let failing = #"{"alert":"a-1","attempts":2,"event":"opened","first_at":1,"last_error":"x","next_at":2}"#
        let outage = #"{"failures":3,"not_before":5,"since":1}"#
        try redis.cli("HSET", "tollgate:{alerts}:attempts:log", "1-0", failing, "receiver", outage)
        let fields = ["delivery", "2-0", "alert", "", "event", "", "attempts", "0", "first_at", "0", "reason", "y"]
        try redis.cli(["XADD", "tollgate:{alerts}:dead-letters:log", "*"] + fields)
    }

    /// Adds days of an account on which both sides have figures, and one on which the provider has none.
    private static func addDrift(to admin: AdminHarness) async throws {
        let now = await admin.server.redisTime
        try admin.redis.cli("HSET", "tollgate:{accounts}:state:main", "last_success", "\(now + 86_400_000)")
        for days: Int64 in 1...3 {
            let day = "\(UTCDay(containing: now / 1_000).advanced(by: -days))"
            try admin.redis.cli("HSET", "tollgate:account:main:day:\(day)", "tokens", "877", "cost", "5")
            let figures =
                "\(days == 3 ? "requests" : "input_tokens")=\(days == 2 ? 0 : 1_000) cost=\(days == 3 ? -1 : 1)"
            try admin.redis.cli("HSET", "tollgate:{accounts}:days:main", day, figures)
        }
    }

    @Test("on every route, successes and problems alike")
    func bodies() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            var alerts = try await admin.raiseAlerts()
            try await Self.addDrift(to: admin)
            let drift = Alert(
                driftOf: try Scope(parsing: "account:main"), on: UTCDay(number: 20_000), meter: .cost, ours: 1,
                theirs: 0, threshold: 5, openedAt: AdminHarness.alertTime)
            #expect(try await admin.alerts.open(drift))
            alerts.append(drift)
            // A ranking with content, whether or not the scripts rank.
            try admin.redis.cli("ZADD", "tollgate:top-scopes:user:cost:2026-11-20", "5", "user:alice")
            try admin.redis.cli("HSET", "tollgate:user:alice:day:2026-11-20", "cost", "5")
            try Self.addDeliveries(to: admin.redis)
            for (method, path, body) in Self.requests {
                // The first PUT creates a resource, the second is rejected. DELETE accepts any version.
                let headers = method == "DELETE" ? ["If-Match": "*"] : [:]
                _ = try await admin.ask(method, path, body, headers: headers)
            }
            let reserved = try await admin.ask("POST", "/v1/reserve", #"{"scopes":{"user":"carol"},"cost":"1"}"#)
            let reservation = #"{"reservation":"\#(reserved["reservation"]?.text ?? "")"}"#
            for verb in ["commit", "cancel"] { _ = try await admin.ask("POST", "/v1/\(verb)", reservation) }
            for alert in alerts {
                _ = try await admin.ask("GET", "/v1/alerts/\(alert.id)")
                for verb in ["acknowledge", "resolve", "resolve"] {
                    _ = try await admin.ask("POST", "/v1/alerts/\(alert.id)/\(verb)")
                }
                _ = try await admin.ask("POST", "/v1/alerts/\(alert.id)/resolve", #"{"by":"me"}"#)
            }
            for path in ["/v1/alerts?state=resolved", "/v1/audit?limit=5"] { _ = try await admin.ask("GET", path) }
            _ = try await admin.ask("GET", "/v1/tiers", token: "a-wrong-token-12345")
            _ = try await admin.ask("GET", "/v1/tiers", token: AdminHarness.tokens[.caller])

            let folder = try TemporaryFolder()
            let encoder = JSONEncoder()
            let document = try folder.write(
                String(decoding: try encoder.encode(OpenAPIDocument.json), as: UTF8.self), to: "openapi.json")
            let answers = try folder.write(
                String(decoding: try encoder.encode(admin.answers.withLock { $0 }), as: UTF8.self), to: "answers.json")
            let result = try await Command.run(Python.program, ["-c", Self.validator, document, answers])
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.output == "")
        }
    }
}
