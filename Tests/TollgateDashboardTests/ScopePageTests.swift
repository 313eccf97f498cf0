import Foundation
import Testing
import TollgateAdmin
import TollgateCore

@testable import TollgateDashboard

@Suite struct ScopePageTests {
    private static let policy = """
        defaults:
          user: { requests: { 1m: 5 }, tokens: { month: 1000 }, cost: { day: 20, request: 1 } }
          tenant: { tokens: { month: 500 } }
        """

    @Test("the page shows every limit with source and use, and what happened to the scope")
    func shows() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let hold = #"{"scopes":{"user":"ann"},"cost":"0.5","ttl":600}"#
            #expect(try await dashboard.api("POST", "/v1/reserve", hold).status == 200)
            let scopes = #"{"scopes":{"user":"ann","provider":"openai"},"#
            for _ in 0..<7 { _ = try await dashboard.api("POST", "/v1/check", scopes + "\"tokens\":1}") }
            _ = try await dashboard.api("POST", "/v1/record", scopes + "\"tokens\":900,\"cost\":\"3.20\"}")
            try await dashboard.raiseAlerts()
            let page = try await dashboard.browser(as: .viewer).get("/scopes/user%3Aann")
            #expect(page.status == 200)
            let words = page.words
            #expect(words.contains("requests/1m 5 100.0 % 5 requests / 1m 0 defaults"), "\(words)")
            #expect(words.contains("tokens/month 900 90.0 % 1\u{202F}000 tokens / month 0 defaults"), "\(words)")
            #expect(words.contains("cost/request 1.00 USD / request defaults"), "\(words)")
            #expect(page.text.contains("class=\"danger\"") && page.text.contains("class=\"warning\""))
            // The chart, the denial and the reservation.
            #expect(page.text.contains("openai · 3.20 USD"))
            #expect(words.contains("requests/1m 5 5 user:ann provider:openai"), "\(words)")
            #expect(words.contains(#/ \d+ s 9 min 0 0\.50 user:ann/#), "\(words)")
            // A viewer has no forms but signing out.
            #expect(page.text.components(separatedBy: "<form").count == 2)
            let alice = try await dashboard.browser(as: .viewer).get("/scopes/user%3Aalice")
            #expect(alice.words.contains("exceeded cost/day at 100 %"))
        }
    }

    @Test("limits are added, changed and cleared")
    func limits() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let browser = try await dashboard.browser(as: .admin)
            let path = "/scopes/user%3Aann"
            func fields(_ meter: String, _ period: String, seen: String, max: String? = nil) -> [(String, String)] {
                [("meter", meter), ("period", period), ("seen", seen)] + (max.map { [("max", $0)] } ?? [])
            }
            let added = try await browser.submit("\(path)/limit", fields("tokens", "total", seen: "", max: "7000"))
            #expect(added.words.contains("tokens/total 0 0.0 % 7\u{202F}000 tokens / total 0 scope"))
            let wrong = try await browser.post("\(path)/limit", fields("cost", "week", seen: "", max: "-1"))
            #expect(wrong.status == 422)
            #expect(wrong.shows("Enter an amount above 0 with at most 9 decimals, up to 9000000."))
            let cleared = try await browser.submit("\(path)/limit/clear", fields("tokens", "total", seen: "7000"))
            #expect(cleared.shows("tokens/total was cleared."))
            #expect(!cleared.words.contains("tokens/total 0"))
            let none = try await browser.post("\(path)/limit/clear", fields("tokens", "month", seen: "1000"))
            #expect(none.status == 409)
            #expect(none.shows("user:ann has no limit tokens/month of its own."))
            let unknown = try await browser.get("/scopes/usr%3Aann")
            #expect(unknown.status == 404)
            #expect(unknown.words.contains("did you mean user?"))
        }
    }

    @Test("an override is granted with an end and a reason, replaced and ended")
    func override() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let browser = try await dashboard.browser(as: .admin)
            let path = "/scopes/user%3Aann"
            func fields(_ amount: String, ends: String, reason: String, version: String = "0") -> [(String, String)] {
                [
                    ("limit", "cost/day"), ("change", "set"), ("amount", amount), ("ends", ends), ("reason", reason),
                    ("version", version),
                ]
            }
            let wrong = try await browser.post("\(path)/override", fields("x", ends: "soon", reason: ""))
            #expect(wrong.status == 422)
            for sentence in [
                "Enter an amount above 0 with at most 9 decimals, up to 9000000.", EndTime.message,
                "Say why, for the audit log.",
            ] { #expect(wrong.shows(sentence)) }
            let far = try await browser.post("\(path)/override", fields("50", ends: "400d", reason: "a <demo>"))
            #expect(far.status == 422)
            #expect(far.words.contains("expected a time within 366 days from now"))
            #expect(far.text.contains("value=\"a &lt;demo&gt;\""))
            let granted = try await browser.submit("\(path)/override", fields("50", ends: "2h", reason: "a <demo>"))
            #expect(granted.words.contains("cost/day = 50.00 until"), "\(granted.words)")
            #expect(granted.shows("a <demo>"))
            #expect(granted.words.contains("50.00 USD / day 0.00 override"), "\(granted.words)")
            // A second admin, whose form is of before.
            let second = try await browser.post("\(path)/override", fields("70", ends: "3h", reason: "other"))
            #expect(second.status == 412)
            #expect(second.words.contains("cost/day = 50.00"))
            #expect(second.text.contains("value=\"70\""))
            let version = try #require(second.value(after: "name=\"version\" value=\""))
            let replaced = try await browser.submit(
                "\(path)/override", fields("70", ends: "3h", reason: "other", version: version))
            #expect(replaced.words.contains("cost/day = 70.00"))
            let last = try #require(replaced.value(after: "name=\"version\" value=\""))
            let ended = try await browser.submit("\(path)/override/end", [("version", last)])
            #expect(ended.shows("The override has ended."))
            #expect(ended.words.contains("20.00 USD / day"))
        }
    }

    @Test("counters are reset after the scope has been typed")
    func reset() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            _ = try await dashboard.api("POST", "/v1/record", #"{"scopes":{"user":"ann"},"tokens":900}"#)
            let browser = try await dashboard.browser(as: .admin)
            let path = "/scopes/user%3Aann/reset"
            let wrong = try await browser.post(path, [("limits", "tokens/month"), ("confirmation", "ann")])
            #expect(wrong.status == 422)
            #expect(wrong.shows("Type user:ann to confirm."))
            #expect(try await browser.post(path, [("confirmation", "user:ann")]).shows("Choose at least one limit."))
            let done = try await browser.submit(path, [("limits", "tokens/month"), ("confirmation", "user:ann")])
            #expect(done.words.contains("tokens/month 0 0.0 %"))
        }
    }

    @Test("an open reservation is cancelled, and a second time there is none")
    func reservation() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            _ = try await dashboard.api("POST", "/v1/reserve", #"{"scopes":{"user":"ann"},"cost":"0.5","ttl":600}"#)
            let browser = try await dashboard.browser(as: .admin)
            let page = try await browser.get("/scopes/user%3Aann")
            let id = try #require(page.value(after: "/scopes/user%3Aann/reservations/").map { $0.prefix { $0 != "/" } })
            let path = "/scopes/user%3Aann/reservations/\(id)/cancel"
            #expect(try await browser.submit(path).words.contains("No open reservations."))
            let second = try await browser.post(path)
            #expect(second.status == 404)
            #expect(second.words.contains("has no such open reservation"))
        }
    }

    @Test("a new scope is looked up and created by its first limit; one that exists is not")
    func newScope() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let browser = try await dashboard.browser(as: .admin)
            let new = try await browser.get("/scopes/lookup?kind=tenant&id=acme")
            #expect(new.text.contains(#""state":"new""#) && new.text.contains("tenant:acme is new."))
            #expect(try await browser.get("/scopes/lookup?kind=nonsense&id=acme").text.contains(#""state":"invalid""#))
            let long = String(repeating: "x", count: 300)
            #expect(try await browser.get("/scopes/lookup?kind=tenant&id=\(long)").text.contains(#""state":"invalid""#))
            // Without a script: the fields appear after looking up.
            #expect(
                (try await browser.get("/scopes/new?kind=tenant")).text.contains(
                    "<fieldset data-when=\"new\" hidden disabled>"))
            let form = try await browser.get("/scopes/new?kind=tenant&id=acme")
            #expect(form.text.contains("<fieldset data-when=\"new\">"))
            func fields(_ max: String) -> [(String, String)] {
                [("kind", "tenant"), ("id", "acme"), ("meter", "tokens"), ("period", "month"), ("max", max)]
            }
            let wrong = try await browser.post("/scopes/new", fields("0"))
            #expect(wrong.status == 422)
            #expect(wrong.shows("Enter a whole number from 1 to 9000000000000000."))
            let created = try await browser.submit("/scopes/new", fields("1500"))
            #expect(
                created.words.contains("tokens/month 0 0.0 % 1\u{202F}500 tokens / month 0 scope"), "\(created.words)")
            let again = try await browser.post("/scopes/new", fields("99"))
            #expect(again.status == 409)
            #expect(again.shows("tenant:acme exists already."))
            #expect(again.text.contains("href=\"/scopes/tenant%3Aacme\""))
            _ = try await dashboard.api("POST", "/v1/record", #"{"scopes":{"tenant":"globex"},"tokens":1}"#)
            #expect(try await browser.get("/scopes/lookup?kind=tenant&id=globex").text.contains(#""state":"exists""#))
        }
    }

    @Test("the end of an override is a duration or a time")
    func ends() {
        #expect(EndTime("90m", after: 1_000)?.milliseconds == Int64(5_401_000))
        #expect(EndTime("3d", after: 0)?.milliseconds == Int64(259_200_000))
        #expect(EndTime("2026-12-24T18:00:00Z", after: 0)?.milliseconds == 1_798_135_200_000)
        for text in [
            "", "h", "0h", "-1h", "1.5h", "99999999h", "tomorrow", "2026-12-24", "2026-12-24T18:00:00Zfoo",
            "2026-02-31T00:00:00Z", "2026-13-40T00:00:00Z", "１h",
        ] {
            #expect(EndTime(text, after: 0) == nil, "\(text)")
        }
    }
}
