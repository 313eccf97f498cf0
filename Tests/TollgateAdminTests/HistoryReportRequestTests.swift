import Testing
import TollgateTestSupport

@testable import TollgateAdmin

@Suite("Report queries")
struct HistoryReportRequestTests {
    private static let policy = """
        timezone: Europe/Berlin
        history: [user, tool]
        defaults: { user: { requests: { 1m: 60 } }, region: { requests: { 1m: 60 } } }
        """

    @Test("CSV has one line per day and part, defused ids, and no totals")
    func csv() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            try admin.redis.cli(
                "HSET", "tollgate:user:alice:day:2026-11-20", "cost", "2500000000", "cost/tool==1+1", "1000000000",
                "cost/tool=a,\"b\"", "900000000", "cost/tool/other", "100000000", "requests", "4", "calls", "3",
                "denied", "1",
                "would_deny", "2")
            let path = "/v1/reports/daily?scope=user:alice&from=2026-11-20&to=2026-11-21"
            let plain = try await admin.ask("GET", path + "&format=csv")
            #expect(plain.headers["content-type"] == "text/csv; charset=utf-8; header=present")
            #expect(
                plain.text == """
                    day,starts_at,ends_at,requests,calls,denied,would_deny,tokens,input_tokens,output_tokens,cost\r
                    2026-11-20,2026-11-19T23:00:00Z,2026-11-20T23:00:00Z,4,3,1,2,0,0,0,2.5\r
                    2026-11-21,2026-11-20T23:00:00Z,2026-11-21T23:00:00Z,0,0,0,0,0,0,0,0\r

                    """)
            let split = try await admin.ask("GET", path + "&by=tool", headers: ["Accept": "text/csv"])
            #expect(
                split.text == #"""
                    day,starts_at,ends_at,tool,is_other,requests,calls,denied,would_deny,tokens,input_tokens,output_tokens,cost\#r
                    2026-11-20,2026-11-19T23:00:00Z,2026-11-20T23:00:00Z,'=1+1,false,0,0,0,0,0,0,0,1\#r
                    2026-11-20,2026-11-19T23:00:00Z,2026-11-20T23:00:00Z,"a,""b""",false,0,0,0,0,0,0,0,0.9\#r
                    2026-11-20,2026-11-19T23:00:00Z,2026-11-20T23:00:00Z,other,true,0,0,0,0,0,0,0,0.1\#r
                    2026-11-20,2026-11-19T23:00:00Z,2026-11-20T23:00:00Z,-,false,4,3,1,2,0,0,0,0.5\#r
                    2026-11-21,2026-11-20T23:00:00Z,2026-11-21T23:00:00Z,-,false,0,0,0,0,0,0,0,0\#r

                    """#)
            let monthly = try await admin.ask(
                "GET", "/v1/reports/monthly?scope=user:alice&from=2026-11&to=2026-11&format=csv")
            #expect(monthly.text.hasPrefix("month,starts_at,ends_at,requests,"))
            #expect(monthly.text.hasSuffix("2026-11,2026-10-31T23:00:00Z,2026-11-30T23:00:00Z,0,0,0,0,0,0,0,0\r\n"))
        }
    }

    @Test("a ranking lists the top scopes of a day by one meter, as JSON and as CSV")
    func top() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            for (user, cost, requests) in [("a", 5, 1), ("b, c", 7, 2), ("d", 6, 9)] {
                try admin.redis.cli(
                    "HSET", "tollgate:user:\(user):day:2026-11-20", "cost", "\(cost)", "requests", "\(requests)")
                try admin.redis.cli("ZADD", "tollgate:top-scopes:user:cost:2026-11-20", "\(cost)", "user:\(user)")
                try admin.redis.cli(
                    "ZADD", "tollgate:top-scopes:user:requests:2026-11-20", "\(requests)", "user:\(user)")
            }
            let answer = try await admin.ask("GET", "/v1/reports/top?kind=user&day=2026-11-20&limit=2")
            #expect(
                answer.text == """
                    {"currency":"USD","day":"2026-11-20","decimals":9,"items":[\
                    {"calls":0,"cost":"0.000000007","denied":0,"input_tokens":0,"output_tokens":0,"rank":1,"requests":2,"scope":"user:b, c","tokens":0,"would_deny":0},\
                    {"calls":0,"cost":"0.000000006","denied":0,"input_tokens":0,"output_tokens":0,"rank":2,"requests":9,"scope":"user:d","tokens":0,"would_deny":0}],\
                    "kept_from":"\(answer["kept_from"]?.text ?? "")","kind":"user","meter":"cost","timezone":"Europe/Berlin"}

                    """)
            let csv = try await admin.ask(
                "GET", "/v1/reports/top?kind=user&meter=requests&day=2026-11-20", headers: ["Accept": "text/csv"])
            #expect(
                csv.text == """
                    rank,scope,requests,calls,denied,would_deny,tokens,input_tokens,output_tokens,cost\r
                    1,user:d,9,0,0,0,0,0,0,0.000000006\r
                    2,"user:b, c",2,0,0,0,0,0,0,0.000000007\r
                    3,user:a,1,0,0,0,0,0,0,0.000000005\r

                    """)
            let today = try await admin.ask("GET", "/v1/reports/top?kind=tool")
            #expect(today["items"] == .array([]))
            #expect(today["day"]?.text?.count == 10)
        }
    }

    private static let badQueries: [(query: String, detail: String)] = [
        ("daily", "scope: is required, such as user:alice"), ("daily?scope=x", "scope: "),
        ("daily?scope=user:a&from=2026-02-30", "from: expected a day such as 2026-11-20"),
        ("daily?scope=user:a&to=2026-11", "to: expected a day such as 2026-11-20"),
        ("monthly?scope=user:a&to=2026-11-20", "to: expected a month such as 2026-11"),
        ("daily?scope=user:a&from=2026-11-21&to=2026-11-20", "from: 2026-11-21 is after 2026-11-20"),
        (
            "daily?scope=user:a&from=2025-11-20&to=2026-11-21",
            "from: 367 days up to 2026-11-21; expected at most 366"
        ),
        (
            "monthly?scope=user:a&from=2020-01&to=2025-01", "from: 61 months up to 2025-01; expected at most 60"
        ),
        ("daily?scope=user:a&by=user", "by: expected provider, tool or model"),
        ("daily?scope=user:a&format=xml", "format: expected json or csv"),
        ("daily?scope=user:a&limit=5", "limit: unknown query parameter"), ("daily?scope=user:a&roles=%00", "roles: "),
        ("top", "kind: is required"), ("top?kind=U", "kind: "),
        ("top?kind=global", "kind: global is a single scope"),
        ("top?kind=user&meter=input_tokens", "meter: expected requests, calls, denied, would_deny, tokens or cost"),
        ("top?kind=user&day=today", "day: expected a day such as 2026-11-20"),
        ("top?kind=user&limit=1001", "limit: expected a whole number from 1 to 1000"),
        ("top?kind=user&limit=%2B5", "limit: expected a whole number from 1 to 1000"),
        ("top?kind=user&limit=", "limit: expected a whole number from 1 to 1000"),
        ("top?kind=user&limit=0", "limit: expected a whole number from 1 to 1000"),
    ]

    @Test("an invalid query is 400 and names the parameter")
    func badRequests() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            for (query, detail) in Self.badQueries {
                let answer = try await admin.ask("GET", "/v1/reports/\(query)")
                #expect(answer.status == 400, "\(query)")
                #expect(answer.problem == "bad_request")
                #expect(answer["detail"]?.text?.hasPrefix(detail) == true, "\(answer.text)")
            }
        }
    }

    @Test("an error names no parameter that was not given")
    func firstDays() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            for (query, count) in [("daily?to=0001-01-01", 30), ("monthly?to=0001-01", 12)] {
                let answer = try await admin.ask("GET", "/v1/reports/\(query)&scope=user:a")
                #expect(answer.status == 200, "\(answer.text)")
                #expect((answer["days"] ?? answer["months"])?.items?.count == count)
            }
        }
    }

    private static let queriesOfOtherKinds: [(query: String, detail: String)] = [
        ("daily?scope=region:x", "scope: no history is retained for region"),
        ("monthly?scope=global", "scope: no history is retained for global"),
        ("daily?scope=user:a%2Btool:b", "scope: no history is retained for user+tool"),
        ("top?kind=region", "kind: no history is retained for region"),
    ]

    @Test("a kind without history is 404 and names the key of the policy file")
    func notKept() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            for (query, detail) in Self.queriesOfOtherKinds {
                let answer = try await admin.ask("GET", "/v1/reports/\(query)")
                #expect(answer.status == 404)
                #expect(answer["detail"]?.text == "\(detail); history: in the policy file lists tool, user")
            }
        }
    }

    @Test("a key that is not a hash is an internal error that names it")
    func corrupt() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            try admin.redis.cli("SET", "tollgate:user:a:day:2026-11-20", "x")
            let answer = try await admin.ask(
                "GET", "/v1/reports/daily?scope=user:a&from=2026-11-20&to=2026-11-20")
            #expect(answer.status == 500)
            #expect(answer["detail"]?.text == "tollgate:user:a:day:2026-11-20: wrong data type")
        }
    }

    @Test("a report requires permission to read")
    func permission() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            for path in ["daily?scope=user:a", "monthly?scope=user:a", "top?kind=user"] {
                #expect(try await admin.ask("GET", "/v1/reports/\(path)", token: nil).status == 401)
                let caller = try await admin.ask("GET", "/v1/reports/\(path)", token: AdminHarness.tokens[.caller])
                #expect(caller.status == 403)
            }
        }
    }
}
