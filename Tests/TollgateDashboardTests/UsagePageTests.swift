import Foundation
import Testing
import TollgateAdmin
import TollgateCore
import TollgateTestSupport

@testable import TollgateDashboard

@Suite struct UsagePageTests {
    private static let policy = """
        timezone: Europe/Berlin
        defaults:
          user: { tokens: { total: 10000 }, cost: { day: 20 } }
          tenant: { requests: { 1m: 60 } }
        """

    /// Records the usage of a scope.
    private static func record(_ kind: String, _ id: String, _ amounts: String, _ dashboard: DashboardHarness)
        async throws
    {
        let name = String(decoding: try JSONEncoder().encode(id), as: UTF8.self)
        let answer = try await dashboard.api("POST", "/v1/record", "{\"scopes\":{\"\(kind)\":\(name)},\(amounts)}")
        #expect(answer.status == 200, "\(answer.text)")
    }

    /// Waits until the page lists a text, because scopes are written to their index once a second.
    private static func page(
        _ path: String, showing text: String, _ browser: TestBrowser
    ) async throws -> TestPage {
        for _ in 0..<400 {
            let page = try await browser.get(path)
            if page.shows(text) { return page }
            try await Task.sleep(for: .milliseconds(50))
        }
        Issue.record("\(path) does not show \(text)")
        return try await browser.get(path)
    }

    /// Returns the class and the words of the row of a scope.
    private static func row(_ scope: String, _ page: TestPage) throws -> (level: String, words: String) {
        let start = try #require(page.text.range(of: "<tr data-row=\"\(Markup.escaped(scope))\" class=\""))
        let rest = page.text[start.upperBound...]
        let row = try #require(rest.range(of: "</tr>").map { rest[..<$0.lowerBound] })
        return (String(row.prefix { $0 != "\"" }), TestPage(status: 200, headers: [], text: "<\(row)").words)
    }

    @Test("a row shows amounts, Usage % after Total Cost, limit, held and reset, and its level")
    func rows() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            for (id, tokens) in [("low", 7_999), ("amber", 8_000), ("high", 9_999), ("red", 10_000)] {
                try await Self.record("user", id, "\"requests\":2,\"tokens\":\(tokens),\"cost\":\"1.25\"", dashboard)
            }
            let browser = try await dashboard.browser(as: .viewer)
            let page = try await Self.page("/usage?kind=user&meter=tokens", showing: "red", browser)
            let levels = try ["low", "amber", "high", "red"].map { try Self.row("user:\($0)", page).level }
            #expect(levels == ["", "warning", "warning", "danger"])
            let high = try Self.row("user:high", page).words
            #expect(high.contains("2 0 0 9\u{202F}999 1.25 99.9 % 10\u{202F}000 tokens / total 0"), "\(high)")
            let headings = page.text.components(separatedBy: "<th scope=\"col\"").map {
                TestPage(status: 0, headers: [], text: "<" + $0).words
            }
            let cost = try #require(headings.firstIndex { $0.hasPrefix("Total Cost (USD)") })
            #expect(headings[cost + 1].hasPrefix("Usage %"))
            let costs = try await browser.get("/usage?kind=user&meter=cost")
            #expect(try Self.row("user:red", costs).words.contains("1.25 6.2 % 20.00 USD / day"))
        }
    }

    @Test("a scope without a limit over a calendar period or all time shows No Limit")
    func noLimit() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            try await Self.record("tenant", "acme", "\"tokens\":5", dashboard)
            let browser = try await dashboard.browser(as: .viewer)
            let page = try await Self.page("/usage?kind=tenant", showing: "acme", browser)
            let row = try Self.row("tenant:acme", page)
            #expect(row.level == "none")
            #expect(row.words.contains("No Limit No Limit"))
        }
    }

    @Test("a limit is set in the row, and a wrong one is refused with the server's sentence")
    func setLimit() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            try await Self.record("user", "ann", "\"tokens\":9000", dashboard)
            let browser = try await dashboard.browser(as: .admin)
            let url = "/usage?kind=user&meter=tokens"
            #expect(try Self.row("user:ann", try await Self.page(url, showing: "ann", browser)).level == "warning")
            func fields(_ max: String, seen: String = "10000") -> [(String, String)] {
                [("scope", "user:ann"), ("meter", "tokens"), ("period", "total"), ("seen", seen), ("max", max)]
            }
            for wrong in ["", "0", "-5", "1.5", "ten", " 7", "9000000000000001"] {
                let page = try await browser.post(url, fields(wrong))
                #expect(page.status == 422)
                #expect(page.shows("Enter a whole number from 1 to 9000000000000000."))
                #expect(page.text.contains("value=\"\(Markup.escaped(wrong))\""))
                // A refresh would take away what was entered.
                #expect(!page.text.contains("data-refresh"))
            }
            let changed = try await browser.submit(url, fields("20000"))
            #expect(changed.shows("user:ann: tokens/total is now 20000."))
            #expect(try Self.row("user:ann", changed).level == "")
            #expect(try Self.row("user:ann", changed).words.contains("45.0 % 20\u{202F}000 tokens / total"))
            // The notice is shown once.
            #expect(!(try await browser.get(url)).shows("is now 20000"))
        }
    }

    @Test("the form of a row is there when it is asked for, and above the table if the row is not")
    func openForm() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            for id in ["ann", "bob"] { try await Self.record("user", id, "\"tokens\":9000", dashboard) }
            let admin = try await dashboard.browser(as: .admin)
            _ = try await Self.page("/usage?kind=user&meter=tokens", showing: "bob", admin)
            let closed = try await Self.page("/usage?kind=user&meter=tokens", showing: "ann", admin)
            #expect(!closed.text.contains("name=\"max\""))
            let link = "/usage?kind=user&amp;meter=tokens&amp;edit=user%3Aann"
            #expect(closed.text.contains("href=\"\(link)\""))
            let url = link.replacing("&amp;", with: "&")
            let open = try await admin.get(url)
            #expect(open.text.matches(of: /name="max"/).count == 1)
            #expect(open.text.contains("value=\"10000\" required autocomplete=\"off\" data-focus"))
            // Several forms may be open in a browser.
            #expect(open.text.contains("<input id=\"limit-user%3Aann\""))
            #expect(try Self.row("user:ann", open).words.contains("tokens/total"))
            #expect(!(try Self.row("user:bob", open).words.contains("tokens/total")))
            #expect(open.text.contains("href=\"/usage?kind=user&amp;meter=tokens\" data-edit>Cancel"))
            // The list shows those seen last first, so a row may be on another page by now.
            let elsewhere = try await admin.get(url + "&prefix=b")
            #expect(elsewhere.text.matches(of: /name="max"/).count == 1)
            #expect(elsewhere.text.contains("value=\"10000\" required"))
            // A new limit is one of those that the page shows.
            let other = try await admin.get("/usage?kind=user&meter=requests&period=week&edit=user%3Aann")
            #expect(other.text.contains(#/<option value="requests"[^>]* selected>/#))
            #expect(other.text.matches(of: /<option value="week" selected>/).count == 2)
            let viewer = try await dashboard.browser(as: .viewer)
            let read = try await viewer.get(url)
            #expect(!read.text.contains("name=\"max\"") && !read.text.contains("data-edit"))
            for ignored in ["nonsense", "tool:search", "zzz:1"] {
                let page = try await admin.get("/usage?kind=user&edit=\(Markup.encoded(ignored))")
                #expect(page.status == 200 && !page.text.contains("name=\"max\""), "\(ignored)")
            }
        }
    }

    @Test("a second admin's edit of the same limit gets 412 with both values, and one of another limit passes")
    func conflict() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            try await Self.record("user", "ann", "\"tokens\":9000", dashboard)
            let browser = try await dashboard.browser(as: .admin)
            let url = "/usage?kind=user&meter=tokens"
            _ = try await Self.page(url, showing: "ann", browser)
            let path = "/v1/scopes/user%3Aann/limits"
            let other = try await dashboard.api(
                "PUT", path, #"{"limits":{"tokens":{"total":30000}}}"#, ifMatch: "\"0\"")
            #expect(other.status == 201)
            func fields(seen: String) -> [(String, String)] {
                [("scope", "user:ann"), ("meter", "tokens"), ("period", "total"), ("seen", seen), ("max", "20000")]
            }
            let page = try await browser.post(url, fields(seen: "10000"))
            #expect(page.status == 412)
            #expect(page.shows("Changed meanwhile from 10000 to 30000. Send it again to replace 30000."))
            #expect(page.text.contains("name=\"seen\" value=\"30000\""))
            #expect(page.text.contains("value=\"20000\""))
            #expect(try await browser.submit(url, fields(seen: "30000")).shows("user:ann: tokens/total is now 20000."))
            let cost = [
                ("scope", "user:ann"), ("meter", "cost"), ("period", "day"), ("seen", "20"), ("max", "2.50"),
            ]
            #expect(try await browser.submit(url, cost).shows("user:ann: cost/day is now 2.50."))
            let stored = try await dashboard.api("GET", path)
            #expect(
                stored.text.contains(#""limits":{"cost":{"day":"2.5"},"tokens":{"total":20000}}"#), "\(stored.text)")
        }
    }

    @Test("a limit of an override is not set in the row, but on the page of the scope")
    func overridden() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            try await Self.record("user", "ann", "\"tokens\":9000", dashboard)
            let ends = Date(timeIntervalSinceNow: 3_600).ISO8601Format()
            let override = try await dashboard.api(
                "PUT", "/v1/scopes/user%3Aann/override",
                #"{"limits":{"tokens":{"total":50000}},"expires_at":"\#(ends)","reason":"demo"}"#)
            #expect(override.status == 201)
            let browser = try await dashboard.browser(as: .admin)
            let page = try await Self.page("/usage?kind=user&meter=tokens", showing: "ann", browser)
            #expect(page.text.contains("href=\"/scopes/user%3Aann#override-heading\""))
            let fields = [
                ("scope", "user:ann"), ("meter", "tokens"), ("period", "total"), ("seen", "50000"), ("max", "60000"),
            ]
            let refused = try await browser.post("/usage?kind=user", fields)
            #expect(refused.status == 409)
            #expect(refused.shows("An override of tokens/total is in force."))
            // Also where the row is on another page of the list, what was entered is not lost.
            let elsewhere = try await browser.post("/usage?kind=tenant", fields)
            #expect(elsewhere.status == 409)
            #expect(elsewhere.text.contains("value=\"60000\""))
        }
    }

    @Test("the period of the limit can be chosen, and times are those of the scope's own zone")
    func periods() async throws {
        let policy = """
            defaults: { user: { cost: { day: 20, month: 100 } } }
            tiers: { east: { timezone: Asia/Tokyo, limits: { requests: { 1m: 100 } } } }
            assignments: [{ user: ann, tier: east }]
            """
        try await withDashboard(policy: policy) { dashboard in
            try await Self.record("user", "ann", "\"cost\":\"10\"", dashboard)
            let browser = try await dashboard.browser(as: .viewer)
            let page = try await Self.page("/usage?kind=user", showing: "ann", browser)
            #expect(try Self.row("user:ann", page).words.contains("50.0 % 20.00 USD / day"))
            #expect(page.words.contains("Asia/Tokyo"))
            let month = try await browser.get("/usage?kind=user&period=month")
            #expect(try Self.row("user:ann", month).words.contains("10.0 % 100.00 USD / month"))
            let total = try await browser.get("/usage?kind=user&period=total")
            #expect(try Self.row("user:ann", total).words.contains("No Limit"))
        }
    }

    @Test("the mode and the thresholds of the limit that is replaced stay")
    func keepsMode() async throws {
        let policy = "defaults: { user: { tokens: { total: { max: 10, mode: shadow, thresholds: [50] } } } }"
        try await withDashboard(policy: policy) { dashboard in
            let browser = try await dashboard.browser(as: .admin)
            let fields = [
                ("scope", "user:ann"), ("meter", "tokens"), ("period", "total"), ("seen", "10"), ("max", "20"),
            ]
            _ = try await browser.submit("/usage?kind=user", fields)
            let stored = try await dashboard.api("GET", "/v1/scopes/user%3Aann/limits")
            #expect(stored.text.contains(#""total":{"max":20,"mode":"shadow","thresholds":[50]}"#), "\(stored.text)")
        }
    }

    @Test("a page has 100 of the scopes seen, the next one the others, and a prefix only those that begin with it")
    func pages() async throws {
        try await withDashboard(policy: "no_limits: true") { dashboard in
            for first in stride(from: 0, to: 230, by: 10) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in first..<first + 10 {
                        group.addTask {
                            try await Self.record("user", "u\(1_000 + number)", "\"cost\":\"\(number).5\"", dashboard)
                        }
                    }
                    try await group.waitForAll()
                }
            }
            let browser = try await dashboard.browser(as: .viewer)
            func scopes(_ page: TestPage) -> [String] {
                page.text.matches(of: /<tr data-row="user:([^"]*)"/).map { String($0.1) }
            }
            /// Returns the scopes of all pages.
            func walk() async throws -> [String] {
                var (seen, path): ([String], String?) = ([], "/usage?kind=user")
                while let next = path {
                    let page = try await browser.get(next)
                    #expect(scopes(page).count <= 100)
                    seen += scopes(page)
                    path = page.text.firstMatch(of: /<a href="([^"]*)" rel="next">/).map {
                        String($0.1).replacing("&amp;", with: "&")
                    }
                }
                return seen
            }
            try await eventually(within: .seconds(20)) { Set(try await walk()).count == 230 }
            #expect(try await walk().count == 230)
            let some = try await browser.get("/usage?kind=user&prefix=u111&sort=cost&order=descending")
            #expect(scopes(some) == (1_110...1_119).reversed().map { "u\($0)" })
            let rising = try await browser.get("/usage?kind=user&prefix=u111&sort=scope&order=ascending")
            #expect(scopes(rising) == (1_110...1_119).map { "u\($0)" })
        }
    }

    @Test("hostile ids are escaped in rows, links and forms")
    func hostile() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let browser = try await dashboard.browser(as: .admin)
            for id in DashboardHarness.hostileIDs { try await Self.record("user", id, "\"tokens\":1", dashboard) }
            for id in DashboardHarness.hostileIDs {
                let page = try await Self.page("/usage?kind=user", showing: id, browser)
                #expect(!page.text.contains("<img"))
                #expect(!page.text.contains("<script>"))
                #expect(
                    page.text.contains("href=\"/scopes/\(Markup.encoded("user:\(id.replacing("+", with: "++"))"))\""))
                let scope = try await browser.get("/scopes/\(Markup.encoded("user:\(id.replacing("+", with: "++"))"))")
                #expect(scope.status == 200, "\(scope.words)")
                #expect(scope.shows("user:\(id.replacing("+", with: "++"))"))
                #expect(!scope.text.contains("<img") && !scope.text.contains("<script>"))
            }
        }
    }
}
