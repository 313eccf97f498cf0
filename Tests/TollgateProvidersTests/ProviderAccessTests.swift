import Testing
import TollgateCore

@testable import TollgateProviders

@Suite("Access to providers, and queries")
struct ProviderAccessTests {
    private func access(
        _ kind: ProviderKind, _ url: String? = nil, _ filters: ProviderFilters = ProviderFilters()
    ) throws -> ProviderAccess {
        let credential = try #require(ProviderCredential("key"))
        return try ProviderAccess(kind: kind, baseURL: url, credential: credential, filters: filters)
    }

    @Test("an address has a scheme, a host, a port and a path at most")
    func addresses() throws {
        #expect(try access(.openai).baseURL == "https://api.openai.com")
        #expect(try access(.github, "http://127.0.0.1:8080/api//").baseURL == "http://127.0.0.1:8080/api")
        #expect(try access(.github, "http://localhost:1").baseURL == "http://localhost:1")
        #expect(try access(.github, "http://[::1]:1/a").baseURL == "http://[::1]:1/a")
        for url in [
            "http://x", "http://127.evil.example:80/".replacing("127.", with: "a127."), "https://x/v1", "", "https://",
            "https:///x", "ftp://x", "x", "http://:80", "http://x:", "http://user:secret@x",
            "http://x?y",
            "http://x#y", "http://x y", "http://é", "http://x\r\nY: z",
            "https://" + String(repeating: "x", count: 3_000),
        ] {
            let fault = #expect(throws: ProviderAccess.Fault.self, "\(url)") { try access(.openai, url) }
            #expect(
                fault?.description.hasPrefix("base_url: ") == true && fault?.description.contains("secret") == false)
        }
    }

    @Test("a filter must be known to the provider")
    func filters() throws {
        #expect(throws: Never.self) { try access(.anthropic, nil, .init(workspaceIDs: ["w_1"], apiKeyIDs: ["k-1"])) }
        for (kind, filters, name) in [
            (ProviderKind.anthropic, ProviderFilters(projectIDs: ["p"]), "project_ids"),
            (.openai, ProviderFilters(workspaceIDs: ["w"]), "workspace_ids"),
            (.github, ProviderFilters(apiKeyIDs: ["k"]), "api_key_ids"),
            (.openai, ProviderFilters(projectIDs: ["a", "a"]), "project_ids"),
            (.openai, ProviderFilters(projectIDs: [""]), "project_ids"),
            (.openai, ProviderFilters(projectIDs: ["a&b=c"]), "project_ids"),
            (.openai, ProviderFilters(projectIDs: (0...100).map { "p\($0)" }), "project_ids"),
        ] {
            let fault = #expect(throws: ProviderAccess.Fault.self) { try access(kind, nil, filters) }
            #expect(fault?.description.hasPrefix("\(name): ") == true, "\(fault.map { "\($0)" } ?? "")")
        }
    }

    private static let now: Int64 = 1_796_117_400

    @Test("a query asks for no more buckets than there are, or than a page can have")
    func limits() {
        func limit(_ query: ReportQuery?) -> String? { query?.parameters.first { $0.name == "limit" }?.value }
        let filters = ProviderFilters()
        let (day, hour): (Int64, Int64) = (86_400, 3_600)
        for (days, usage, costs) in [
            (1, "1", "1"), (12, "12", "12"), (31, "31", "31"), (32, "31", "32"), (200, "31", "180"),
        ] {
            let range = 0..<Int64(days) * day
            #expect(limit(.anthropicUsage(range, width: day, filters: filters, now: Self.now)) == usage)
            #expect(limit(.anthropicCosts(range, filters: filters, now: Self.now)) == usage)
            #expect(limit(.openAIUsage(range, width: day, filters: filters, now: Self.now)) == usage)
            #expect(limit(.openAICosts(range, filters: filters, now: Self.now)) == costs)
        }
        #expect(limit(.openAIUsage(0..<24 * hour, width: hour, filters: filters, now: Self.now)) == "24")
        #expect(limit(.anthropicUsage(0..<999 * hour, width: hour, filters: filters, now: Self.now)) == "168")
    }

    @Test("a query names its range, its filters and its page")
    func texts() {
        let (start, end): (Int64, Int64) = (1_795_132_800, 1_795_219_200)
        let filters = ProviderFilters(projectIDs: ["p_1", "p_2"], apiKeyIDs: ["k"])
        #expect(
            ReportQuery.openAIUsage(start..<end, width: 86_400, filters: filters, now: Self.now).text(page: "a+/=&é")
                == "/v1/organization/usage/completions?start_time=1795132800&end_time=1795219200&bucket_width=1d&limit=1"
                + "&project_ids%5B%5D=p_1&project_ids%5B%5D=p_2&api_key_ids%5B%5D=k&page=a%2B%2F%3D%26%C3%A9")
        // An end that has not passed is left out.
        #expect(
            ReportQuery.openAICosts(start..<Self.now + 1, filters: ProviderFilters(), now: Self.now).text(page: nil)
                == "/v1/organization/costs?start_time=1795132800&bucket_width=1d&limit=12")
        #expect(
            ReportQuery.anthropicUsage(
                start..<end, width: 3_600, filters: .init(workspaceIDs: ["w"]), now: Self.now
            ).text(page: nil)
                == "/v1/organizations/usage_report/messages?starting_at=2026-11-20T00%3A00%3A00Z"
                + "&ending_at=2026-11-21T00%3A00%3A00Z&bucket_width=1h&limit=24&workspace_ids%5B%5D=w")
        #expect(
            ReportQuery.anthropicCosts(start..<end, filters: .init(workspaceIDs: ["w"]), now: Self.now)?.parameters.last
                == .init(name: "group_by[]", value: "workspace_id"))
        #expect(ReportQuery.anthropicCosts(start..<end, filters: .init(apiKeyIDs: ["k"]), now: Self.now) == nil)
    }
}
