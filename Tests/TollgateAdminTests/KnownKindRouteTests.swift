import Testing
import TollgateTestSupport

@testable import TollgateAdmin

@Suite("Kinds in routes")
struct KnownKindRouteTests {
    private static let policy = """
        fold_case: [user]
        defaults: { user: { requests: { 1m: 3 } } }
        tiers: { basic: { limits: { cost: { day: 1 } } } }
        """

    @Test("a mistyped kind in a call is an invalid field")
    func calls() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            for (verb, rest) in [("check", ""), ("peek", ""), ("reserve", ""), ("record", #","cost":"1""#)] {
                let body = #"{"scopes":{"user":"a","usr":"alice"}\#(rest)}"#
                let answer = try await admin.ask("POST", "/v1/\(verb)", body)
                #expect(answer.status == 422, "\(verb): \(answer.text)")
                #expect(answer.fields == ["scopes.usr"])
                #expect(answer.text.contains("unknown kind; did you mean user?"))
            }
            let none = try await admin.ask("POST", "/v1/check", #"{"scopes":{}}"#)
            #expect(none.status == 400)
            #expect(none.text.contains("CHECK: names no scope"))
        }
    }

    @Test("before the administrators' settings have been read, a kind that the file does not name is unavailable")
    func undecided() async throws {
        let redis = try TestRedis()
        redis.stop()
        try await withAdmin(policy: Self.policy, redis: redis, waits: false) { admin in
            let sentence = "agent: not in the policy file, and the administrator settings have not been loaded yet"
            let limits = #"{"limits":{"requests":{"1m":1}}}"#
            for (method, path, body) in [
                ("GET", "/v1/scopes/agent:a/limits", nil), ("PUT", "/v1/scopes/user:a+agent:b/limits", limits),
                ("GET", "/v1/scopes?kind=agent", nil), ("GET", "/v1/reports/top?kind=agent", nil),
                ("POST", "/v1/check", #"{"scopes":{"agent":"a"}}"#),
            ] as [(String, String, String?)] {
                let answer = try await admin.ask(method, path, body)
                #expect(answer.status == 503, "\(method) \(path): \(answer.text)")
                #expect(answer.problem == "unavailable" && answer["detail"]?.text == sentence, "\(answer.text)")
            }
            try redis.start()
            try await eventually { try await admin.ask("GET", "/v1/scopes/agent:a/limits").status == 400 }
        }
    }

    @Test("a mistyped kind in a path or query is a bad request")
    func routes() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            let limits = #"{"limits":{"requests":{"1m":1}}}"#
            for (method, path, body) in [
                ("GET", "/v1/scopes/usr:a/limits", nil), ("PUT", "/v1/scopes/usr:a/limits", limits),
                ("DELETE", "/v1/scopes/user:a+tol:b/limits", nil), ("POST", "/v1/scopes/usr:a/reset", "{}"),
                (
                    "PUT", "/v1/scopes/usr:a/override",
                    #"{"reason":"x","expires_at":"2099-01-01T00:00:00Z","limits":{"requests":{"1m":1}}}"#
                ),
                ("GET", "/v1/reports/daily?scope=usr:a", nil), ("GET", "/v1/reports/top?kind=usr", nil),
                ("GET", "/v1/scopes?kind=usr", nil),
            ] as [(String, String, String?)] {
                let answer = try await admin.ask(method, path, body)
                #expect(answer.status == 400, "\(method) \(path): \(answer.text)")
                #expect(answer.text.contains("unknown kind; did you mean "), "\(path): \(answer.text)")
            }
        }
    }

    @Test("kind=id is a scope in paths and queries, and folded kinds are compared in lower case")
    func spellings() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            let limits = #"{"limits":{"requests":{"1m":7}}}"#
            for path in ["user=Alice", "user:ALICE", "user:alice"] {
                let answer = try await admin.ask("GET", "/v1/scopes/\(path)/limits")
                #expect(answer["scope"]?.text == "user:alice", "\(path)")
            }
            #expect(try await admin.ask("PUT", "/v1/scopes/user:Alice/limits", limits).status == 201)
            let check = try await admin.ask("POST", "/v1/check", #"{"scopes":{"user":"aLIce"}}"#)
            #expect(check["limit"]?.text == "user:alice/requests/1m")
            #expect(check["max"] == .integer(7))
            let daily = try await admin.ask("GET", "/v1/reports/daily?scope=user=Alice")
            #expect(daily["scope"]?.text == "user:alice")
            let assigned = try await admin.ask("PUT", "/v1/assignments/user:BOB", #"{"tier":"basic"}"#)
            #expect(assigned.status == 201)
            let user = try await admin.ask("GET", "/v1/users/Bob")
            #expect(user["user"]?.text == "bob")
            #expect(user["tier"]?.members?["id"]?.text == "basic")
        }
    }
}
