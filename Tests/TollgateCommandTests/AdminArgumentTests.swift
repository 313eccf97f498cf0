import Foundation
import Testing
import TollgateAdmin
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import tollgate

@Suite("Administrators' arguments")
struct AdminArgumentTests {
    private func sentence(_ body: () throws -> Void) -> String {
        do {
            try body()
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test(
        "limits are parsed with exact amounts",
        arguments: [
            ("requests/1m=60", "requests/1m", 60), ("requests/60s=60", "requests/1m", 60),
            ("cost/month=500", "cost/month", 500), ("cost/request=0.5", "cost/request", 5),
            ("cost/day=8999999.123456789", "cost/day", 8_999_999_123_456_789), ("tokens/total=0", "tokens/total", 0),
            ("concurrent=5", "concurrent", 5), ("cost/day=unlimited", "cost/day", nil),
            ("requests/1h=null", "requests/1h", nil),
            ("tokens/1m=9000000000000000", "tokens/1m", 9_000_000_000_000_000),
        ] as [(String, String, Int64?)])
    func limits(text: String, name: String, amount: Int64?) throws {
        let limit = try LimitArgument(parsing: text)
        #expect(limit.name == name)
        #expect(limit.amount == amount)
        if limit.meter == .cost, let amount = limit.amount {
            #expect(text.hasSuffix("=\(limit.unit.text(amount))"))
        }
    }

    @Test(
        "an invalid limit is an error",
        arguments: [
            ("requests/1m", "expected a limit such as requests/1m=60"),
            ("requests=60", "expected a limit such as requests/1m, cost/month, cost/request or concurrent"),
            ("calls/1m=60", "expected a limit such as requests/1m, cost/month, cost/request or concurrent"),
            ("requests/1x=60", "expected a limit such as requests/1m, cost/month, cost/request or concurrent"),
            (
                "requests/1min=60",
                "did you mean requests/1m? expected a limit such as requests/1m, cost/month, cost/request or concurrent"
            ),
            (
                "cost/daily=60",
                "did you mean cost/day? expected a limit such as requests/1m, cost/month, cost/request or concurrent"
            ),
            (
                "request/1m=60",
                "did you mean requests/1m? expected a limit such as requests/1m, cost/month, cost/request or concurrent"
            ),
            ("requests/1m=", "expected a whole number from 0 to 9000000000000000, or unlimited, found "),
            ("requests/1m=-1", "expected a whole number from 0 to 9000000000000000, or unlimited, found -1"),
            ("requests/1m=1.5", "expected a whole number from 0 to 9000000000000000, or unlimited, found 1.5"),
            (
                "requests/1m=9000000000000001",
                "expected a whole number from 0 to 9000000000000000, or unlimited, found 9000000000000001"
            ),
            ("cost/day=1e3", "expected a decimal number such as 0.25, or unlimited, found 1e3"),
            ("cost/day=0.0000000001", "expected at most 9 fraction digits, or unlimited, found 0.0000000001"),
            ("cost/day=-1", "expected 0 or more, or unlimited, found -1"),
            (
                "cost/day=9000000000000001",
                "expected at most 9000000000000000, or unlimited, found 9000000000000001"
            ),
            (
                "tokens/90d=5",
                "a duration is 1s to 31d; expected a limit such as requests/1m, cost/month, cost/request or concurrent"
            ),
        ])
    func badLimits(text: String, problem: String) {
        #expect(sentence { _ = try LimitArgument(parsing: text) } == problem)
    }

    @Test("setting limits changes the named ones, and keeps the others and their modes")
    func merging() throws {
        let there = [
            Limit(.requests, .sliding(seconds: 60), max: 5, mode: .shadow), Limit(.cost, .month, max: 7),
        ]
        let changes = try ["requests/60s=9", "tokens/day=1", "requests/1m=10"].map(LimitArgument.init)
        #expect(
            LimitArgument.merge(changes, into: there) == [
                Limit(.requests, .sliding(seconds: 60), max: 10, mode: .shadow), Limit(.tokens, .day, max: 1),
                Limit(.cost, .month, max: 7),
            ])
    }

    @Test("the mode and the thresholds apply to the limits that are set, and stay as they are without options")
    func modeAndThresholds() throws {
        let there = [
            Limit(.requests, .sliding(seconds: 60), max: 5, mode: .shadow), Limit(.cost, .month, max: 7),
        ]
        let whole = try #require(MoneyUnit(decimals: 0))
        let changes = try ["cost/month=9", "cost/day=20"].map(LimitArgument.init)
        let set = LimitArgument.merge(
            changes, mode: .shadow, thresholds: try ThresholdsArgument(parsing: "80,95"), into: there)
        #expect(
            set == [
                there[0], Limit(.cost, .day, max: 20, unit: whole, mode: .shadow, thresholds: [80, 95]),
                Limit(.cost, .month, max: 9, unit: whole, mode: .shadow, thresholds: [80, 95]),
            ])
        #expect(LimitArgument.merge(changes, into: set) == set)
        let back = LimitArgument.merge(
            changes, mode: .enforce, thresholds: try ThresholdsArgument(parsing: "default"), into: set)
        #expect(back[1...].allSatisfy { $0.mode == .enforce && $0.thresholds == nil })
        #expect(try ThresholdsArgument(parsing: "none").percentages == [])
        for text in ["", "80,", "95,80", "80,80", "0", "1001", "80%", "all"] {
            #expect(
                sentence { _ = try ThresholdsArgument(parsing: text) }
                    == "expected ascending whole numbers from 1 to 1000 such as 80,95, or none, or default, found \(text)"
            )
        }
    }

    @Test("a limit that is named twice, in any spelling, is rejected")
    func namedTwice() throws {
        let minute = try ["requests/1m=1", "requests/60s=2"].map(LimitArgument.init)
        #expect(sentence { try LimitArgument.requireDistinct(minute) }.contains("requests/1m: duplicate limit"))
        #expect(throws: Never.self) { try LimitArgument.requireDistinct([minute[0]]) }
    }

    @Test("deleting limits keeps the others, and a missing limit cannot be deleted")
    func removing() throws {
        let there = [Limit(.requests, .sliding(seconds: 60), max: 5), Limit(.cost, .month, max: 7)]
        let minute = try LimitName(parsing: "requests/60s")
        #expect(try LimitName.removing([minute], from: there, of: "s") == [there[1]])
        #expect(try LimitName.removing([], from: there, of: "s") == [])
        let other = try LimitName(parsing: "tokens/1m")
        #expect(
            sentence { _ = try LimitName.removing([minute, other], from: there, of: "tool:a") }
                == "tool:a: no administrator has set tokens/1m")
        #expect(
            sentence { _ = try LimitName.removing([], from: [], of: "tool:a") }
                == "tool:a: no administrator has set limits")
    }

    @Test("bodies are JSON with money as text")
    func bodies() throws {
        let limits = try ["cost/month=500.10", "requests/1m=60", "cost/day=unlimited"].map(LimitArgument.init)
        let tier = Tier(
            id: "premium", name: "Premium \"gold\"", limits: LimitArgument.merge(limits, into: []),
            timeZone: "America/New_York", billingDay: 15)
        #expect(
            try AdminBody.tier(tier)
                == #"{"billing_day":15,"limits":{"cost":{"day":null,"month":"500.1"},"requests":{"1m":60}},"name":"Premium \"gold\"","timezone":"America/New_York"}"#
        )
        #expect(try AdminBody.assignment(tier: "a", priority: nil, disabled: false) == #"{"tier":"a"}"#)
        #expect(
            try AdminBody.assignment(tier: "a", priority: -5, disabled: true)
                == #"{"enabled":false,"priority":-5,"tier":"a"}"#)
        #expect(
            try AdminBody.override(
                limits: [LimitArgument(parsing: "requests/1m=100")],
                additions: [LimitArgument(parsing: "cost/month=50")],
                end: "2026-11-22T10:00:00Z", reason: "deadline")
                == #"{"add":{"cost/month":"50"},"expires_at":"2026-11-22T10:00:00Z","limits":{"requests":{"1m":100}},"reason":"deadline"}"#
        )
        #expect(try AdminBody.reset([]) == "{}")
        #expect(try AdminBody.reset(["requests/1m"]) == #"{"limits":["requests/1m"]}"#)
        #expect(try AdminBody.limits([]) == #"{"limits":{}}"#)
    }

    @Test("unchanged limits are sent back as they were read")
    func sentBack() throws {
        let answer = try JSONDecoder().decode(
            JSONValue.self,
            from: Data(
                #"{"scope":"tool:a","limits":{"cost":{"month":"8999999.123456789"},"requests":{"1m":{"max":9000000000000000,"mode":"shadow"}}}}"#
                    .utf8))
        #expect(
            try AdminBody.limits(AdminBody.limits(of: answer))
                == #"{"limits":{"cost":{"month":"8999999.123456789"},"requests":{"1m":{"max":9000000000000000,"mode":"shadow"}}}}"#
        )
        #expect(
            try AdminBody.limits(of: JSONDecoder().decode(JSONValue.self, from: Data(#"{"limits":null}"#.utf8))) == [])
    }

    @Test(
        "durations are parsed",
        arguments: [("90s", 90), ("30m", 1_800), ("1h", 3_600), ("7d", 604_800), ("366d", 31_622_400)]
            as [(String, Int64)])
    func durations(text: String, seconds: Int64) throws {
        #expect(try OverrideSet.seconds(parsing: text) == seconds)
    }

    @Test(
        "an invalid duration is an error",
        arguments: ["", "1", "h", "0s", "-1h", "1w", "367d", "9223372036854775807d", "1.5h"])
    func badDurations(text: String) {
        #expect(throws: ScopeError.self) { try OverrideSet.seconds(parsing: text) }
    }

    @Test("the end of an override is exact to the second")
    func end() {
        let now = Date(timeIntervalSince1970: 1_795_341_599.9)
        #expect(AdminBody.end(1, after: now) == "2026-11-22T10:00:00Z")
    }

    @Test("scopes and ids are encoded in the path, and roles in the query")
    func paths() {
        #expect(
            AdminRequest(.get, "v1", "scopes", "user:a/b {c}%+é", "limits").path
                == "/v1/scopes/user:a%2Fb%20%7Bc%7D%25%2B%C3%A9/limits")
        #expect(
            AdminRequest(.get, "v1", "users", "..?x#y", query: [("email", "a+b@c.d"), ("roles", "A&B,C")]).path
                == "/v1/users/..%3Fx%23y?email=a%2Bb%40c.d&roles=A%26B,C")
        #expect(AdminRequest(.put, "v1").matching("\"7\"").condition?.name == "If-Match")
        #expect(AdminRequest(.put, "v1").matching("\"0\"").condition?.name == "If-None-Match")
        #expect(AdminRequest(.put, "v1").matching("\"0\"").condition?.value == "*")
    }

    @Test(
        "addresses are parsed",
        arguments: [
            ("127.0.0.1:7380", "http://127.0.0.1:7380"), ("[::1]:7380", "http://[::1]:7380"),
            ("http://host:80/", "http://host:80"), ("https://admin.example.com", "https://admin.example.com"),
            ("unix:/run/admin.sock", "http+unix://%2Frun%2Fadmin.sock"),
        ])
    func addresses(text: String, base: String) throws {
        #expect(try AdminAddress(parsing: text).base == base)
    }

    @Test(
        "an invalid address is an error",
        arguments: ["", "host", "ftp://a:1", "http://", "http://a/b", "a:1?x", "unix:", "http://u@h:1"])
    func badAddresses(text: String) {
        #expect(
            sentence { _ = try AdminAddress(parsing: text) }
                == "--admin \(text): expected host:port, http://host:port, https://host:port or unix:PATH")
    }

    @Test("the token comes from the option, then the environment's file, then the environment")
    func tokens() throws {
        let folder = try TemporaryFolder()
        let first = try folder.write("  first-token-of-tests\n", to: "first")
        let second = try folder.write("second-token-of-tests", to: "second")
        let environment = ["TOLLGATE_ADMIN_TOKEN_FILE": second, "TOLLGATE_ADMIN_TOKEN": "third-token-of-tests"]
        #expect(try AdminClientToken.find(file: first, environment: environment).text == "first-token-of-tests")
        #expect(try AdminClientToken.find(file: nil, environment: environment).text == "second-token-of-tests")
        #expect(
            try AdminClientToken.find(file: nil, environment: ["TOLLGATE_ADMIN_TOKEN": "third-token-of-tests"])
                == AdminClientToken(text: "third-token-of-tests", source: "TOLLGATE_ADMIN_TOKEN"))
        try folder.write("a-token-in-the-data-folder", to: "admin-token")
        #expect(
            try AdminClientToken.find(file: nil, environment: ["TOLLGATE_DATA": folder.path])
                == AdminClientToken(
                    text: "a-token-in-the-data-folder", source: "the file \(folder.path)/admin-token"))
        #expect(
            sentence { _ = try AdminClientToken.find(file: "/no/such", environment: [:]) }
                == "--admin-token-file /no/such: does not exist")
        let secret = sentence {
            _ = try AdminClientToken.find(file: nil, environment: ["TOLLGATE_ADMIN_TOKEN": "a secret"])
        }
        #expect(secret == "TOLLGATE_ADMIN_TOKEN: expected a token of ASCII characters without spaces, on one line")
        let short = try folder.write("fifteen-letters", to: "short")
        #expect(
            sentence { _ = try AdminClientToken.find(file: short, environment: [:]) }
                == "the file \(short): expected a token of at least 16 bytes")
    }

    @Test(
        "a scope is taken as kind:id or kind=id",
        arguments: [
            ("user:bob++x", "user:bob++x"), ("user=bob+x", "user:bob++x"),
            ("tool:t+user:a", "user:a+tool:t"), ("global", "global"),
        ])
    func scopes(_ text: String, _ scope: String) throws {
        #expect(try RequestArgument.scope(text) == scope)
        let named = try Limit.parse(scopedName: "\(text)/requests/60s")
        #expect(named.scope?.description == scope && named.name == "requests/1m")
    }

    @Test(
        "who takes a user's id or scope, or another scope",
        arguments: [
            ("alice", RequestArgument.Subject.user("alice")), ("user:alice", .user("alice")),
            ("user=alice", .user("alice")), ("user:bob++x", .user("bob+x")), ("user=bob+x", .user("bob+x")),
            ("user:auth0:7", .user("auth0:7")), ("bob+x@y.z", .user("bob+x@y.z")), ("A:b", .user("A:b")),
            ("tenant=acme", .scope("tenant:acme")), ("tool:t+user:a", .scope("user:a+tool:t")),
        ])
    func who(_ text: String, _ subject: RequestArgument.Subject) throws {
        #expect(try RequestArgument.userOrScope(text) == subject)
    }
}
