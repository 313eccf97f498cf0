import Testing
import TollgateTestSupport

@testable import TollgateAdmin

@Suite("Lists of limits, overrides and usage")
struct SettingListTests {
    private static let policy = """
        history: [tenant]
        defaults: { user: { requests: { 1m: 3 } }, tenant: { cost: { month: 10 } } }
        scopes: { tool:file: { requests: { 1m: 5 } } }
        """

    private func scopes(_ answer: AdminHarness.Answer) -> [String] {
        answer["items"]?.items?.compactMap { $0.members?["scope"]?.text } ?? []
    }

    @Test("limits of all scopes that administrators have set are listed in pages")
    func limits() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            #expect(try await admin.ask("GET", "/v1/limits").text == #"{"items":[],"next":null}"# + "\n")
            for scope in ["user:b", "tool:a", "global", "user:a+tool:a"] {
                let path = "/v1/scopes/\(scope.replacing("+", with: "%2B"))/limits"
                let put = try await admin.ask("PUT", path, #"{"limits":{"cost":{"day":"1.5"}}}"#)
                #expect(put.status == 201, "\(put.text)")
            }
            let all = try await admin.ask("GET", "/v1/limits")
            #expect(scopes(all) == ["global", "tool:a", "user:a+tool:a", "user:b"], "\(all.text)")
            let first = all["items"]?.items?.first?.members
            #expect(first?["limits"] == .object(["cost": .object(["day": .string("1.5")])]))
            #expect(first?["version"] == .integer(3))
            let page = try await admin.ask("GET", "/v1/limits?limit=3")
            let rest = try await admin.ask("GET", "/v1/limits?cursor=\(page["next"]?.text ?? "")")
            #expect(scopes(page) + scopes(rest) == scopes(all) && scopes(rest).count == 1)
            #expect(try await admin.ask("DELETE", "/v1/scopes/global/limits", headers: ["If-Match": "*"]).status == 204)
            #expect(scopes(try await admin.ask("GET", "/v1/limits")) == ["tool:a", "user:a+tool:a", "user:b"])
        }
    }

    @Test("overrides are listed by their end, and one scope's alone")
    func overrides() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            for (scope, time) in [("user:late", "2099-01-01T00:00:00Z"), ("user:soon", VersionTests.inAnHour)] {
                let body = #"{"add":{"requests/1m":5},"expires_at":"\#(time)","reason":"r"}"#
                _ = try await admin.ask("PUT", "/v1/scopes/\(scope)/override", body)
            }
            // Later than 366 days from now is refused.
            #expect(scopes(try await admin.ask("GET", "/v1/overrides")) == ["user:soon"])
            let body = #"{"add":{"requests/1m":5},"expires_at":"\#(VersionTests.inAnHour)","reason":"why"}"#
            _ = try await admin.ask("PUT", "/v1/scopes/tool:x/override", body)
            let all = try await admin.ask("GET", "/v1/overrides")
            #expect(Set(scopes(all)) == ["tool:x", "user:soon"])
            let one = try await admin.ask("GET", "/v1/overrides?scope=tool:x")
            #expect(scopes(one) == ["tool:x"])
            #expect(one["items"]?.items?.first?.members?["reason"]?.text == "why")
            #expect(scopes(try await admin.ask("GET", "/v1/overrides?scope=tool:y")).isEmpty)
            _ = try await admin.ask("DELETE", "/v1/scopes/tool:x/override", headers: ["If-Match": "*"])
            #expect(scopes(try await admin.ask("GET", "/v1/overrides")) == ["user:soon"])
        }
    }

    @Test("scopes seen have the usage of their running day if their kind has a history")
    func today() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            let body = #"{"scopes":{"tenant":"acme","user":"a"},"cost":"2.5","tokens":7}"#
            _ = try await admin.ask("POST", "/v1/record", body)
            _ = try await admin.ask("POST", "/v1/check", #"{"scopes":{"tenant":"acme","user":"a"}}"#)
            try await eventually { scopes(try await admin.ask("GET", "/v1/scopes?kind=tenant")) == ["tenant:acme"] }
            let tenant = try await admin.ask("GET", "/v1/scopes?kind=tenant")["items"]?.items?.first?.members
            let today = tenant?["today"]?.members
            #expect(today?["cost"]?.text == "2.5" && today?["tokens"] == .integer(7))
            #expect(today?["requests"] == .integer(1))
            try await eventually { scopes(try await admin.ask("GET", "/v1/scopes?kind=user")) == ["user:a"] }
            let user = try await admin.ask("GET", "/v1/scopes?kind=user")["items"]?.items?.first?.members
            #expect(user?["today"] == .null)
        }
    }
}
