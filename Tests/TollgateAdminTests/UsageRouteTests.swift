import Testing
import TollgateTestSupport

@testable import TollgateAdmin

@Suite("GET /v1/usage")
struct UsageRouteTests {
    private static let policy = """
        defaults:
          user: { requests: { 1m: 3 }, cost: { month: { max: 5, mode: shadow } } }
        tiers: { gold: { limits: { cost: { day: 100 } } } }
        assignments: [{ role: Staff, tier: gold }, { email_domain: example.com, tier: gold }]
        """

    @Test("returns the JSON of USAGE to a caller's token")
    func sameAsUsage() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            let caller = AdminHarness.tokens[.caller]
            _ = try await admin.ask("POST", "/v1/record", #"{"scopes":{"user":"a b"},"cost":"1.5"}"#, token: caller)
            let answer = try await admin.ask("GET", "/v1/usage?scope=user:a%20b", token: caller)
            #expect(answer.status == 200, "\(answer.text)")
            let line = try await admin.lineClient().ask(#"USAGE scope="user:a b""#)[0]
            #expect(answer.text == line + "\n")
            #expect(answer.text.contains(#""used":"1.5""#))
        }
    }

    @Test("applies the tier of the roles and of the email")
    func traits() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            for (query, hasTier) in [("", false), ("&roles=Staff,Other", true), ("&email=a%40example.com", true)] {
                let answer = try await admin.ask("GET", "/v1/usage?scope=user:a\(query)")
                let names = answer["limits"]?.items?.compactMap { $0.members?["limit"]?.text } ?? []
                #expect(names.contains("cost/day") == hasTier, "\(query): \(answer.text)")
            }
        }
    }

    @Test("names a missing or malformed scope")
    func invalid() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            let missing = try await admin.ask("GET", "/v1/usage")
            #expect(missing.status == 400)
            #expect(missing["detail"]?.text == "scope: is required, such as user:alice")
            let wrong = try await admin.ask("GET", "/v1/usage?scope=alice")
            #expect(wrong.status == 400)
            #expect(wrong["detail"]?.text?.hasPrefix("scope: ") == true, "\(wrong.text)")
        }
    }
}
