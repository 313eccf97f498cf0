import Foundation
import Testing
import TollgateAdmin
import TollgateTestSupport

@testable import TollgateDashboard

@Suite struct OverviewPageTests {
    private static let record =
        #"{"scopes":{"user":"ann","provider":"openai"},"tokens":9,"cost":"3.20"}"#

    @Test("cost, alerts and the ranking are shown, with the time and its zone")
    func shows() async throws {
        try await withDashboard(policy: "timezone: Europe/Berlin\ndefaults: { user: { cost: { day: 4 } } }") {
            dashboard in
            _ = try await dashboard.api("POST", "/v1/record", Self.record)
            _ = try await dashboard.api("POST", "/v1/record", Self.record)
            let browser = try await dashboard.browser(as: .viewer)
            try await eventually { try await browser.get("/").words.contains("1 exceeded") }
            var page = try await browser.get("/")
            for _ in 0..<400 where !page.words.contains("openai 6.40") {
                try await Task.sleep(for: .milliseconds(50))
                page = try await browser.get("/")
            }
            #expect(
                page.words.contains("Cost today (USD) 6.40 of 1 provider Cost this month (USD) 6.40 of 1 provider"),
                "\(page.words)")
            #expect(page.words.contains("Ready Redis 7."))
            #expect(page.words.contains("ann 6.40"))
            #expect(page.words.contains(", Europe/Berlin Refresh"))
            #expect(page.text.contains("openai · 6.40 USD"))
        }
    }

    @Test("with the history of global, usage without a provider is included")
    func global() async throws {
        try await withDashboard(policy: "history: [global, user]\ndefaults: { user: { cost: { day: 4 } } }") {
            dashboard in
            _ = try await dashboard.api("POST", "/v1/record", #"{"scopes":{"user":"ann"},"cost":"1.5"}"#)
            _ = try await dashboard.api("POST", "/v1/record", Self.record)
            let browser = try await dashboard.browser(as: .viewer)
            try await eventually(within: .seconds(20)) {
                try await browser.get("/").words.contains("Cost today (USD) 4.70")
            }
            #expect(try await browser.get("/").text.contains("(no provider) · 1.50 USD"))
        }
    }

    @Test("without Redis the pages say so with 503, and work again afterwards")
    func withoutRedis() async throws {
        try await withDashboard { dashboard in
            let browser = try await dashboard.browser(as: .viewer)
            dashboard.redis.stop()
            try await eventually { try await browser.get("/").words.contains("Not ready") }
            let usage = try await browser.get("/usage")
            #expect(usage.status == 503)
            // It comes back by itself, also without scripts.
            #expect(usage.text.contains("<meta http-equiv=\"refresh\" content=\"10\">"))
            try dashboard.redis.start()
            try await eventually { try await browser.get("/").words.contains("Ready Redis") }
            try await eventually { try await browser.get("/usage").status == 200 }
        }
    }

    @Test("analytics compare scopes, split one, and write CSV")
    func analytics() async throws {
        try await withDashboard(policy: "defaults: { user: { cost: { day: 4 } } }") { dashboard in
            _ = try await dashboard.api("POST", "/v1/record", Self.record)
            let browser = try await dashboard.browser(as: .viewer)
            let split = try await browser.get("/analytics?scope=user%3Aann&by=provider&last=7")
            #expect(split.text.contains("openai · 3.20 USD"))
            #expect(split.text.components(separatedBy: "<tr data-row=").count == 8)
            let both = try await browser.get("/analytics?scope=user%3Aann%0Auser%3Abob&unit=month&last=3")
            #expect(both.words.contains("user:ann user:bob"))
            let wrong = try await browser.get("/analytics?scope=nonsense&scope=model%3Agpt")
            #expect(wrong.status == 422)
            #expect(wrong.words.contains("no history is retained for model"))
            let many = (0..<9).map { "scope=user%3Au\($0)" }.joined(separator: "&")
            #expect(try await browser.get("/analytics?\(many)").words.contains("9 scopes; at most 8 fit"))
            let csv = try await browser.get("/analytics.csv?scope=user%3Aann&by=provider&last=2")
            #expect(csv["content-type"] == "text/csv; charset=utf-8")
            #expect(csv.text.hasPrefix("day,starts_at,ends_at,provider,"))
            #expect(csv.text.contains(",openai,false,"))
        }
    }
}
