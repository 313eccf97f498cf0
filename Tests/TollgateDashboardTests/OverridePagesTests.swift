import Testing
import TollgateAdmin
import TollgateCore

@testable import TollgateDashboard

@Suite struct OverridePagesTests {
    private static let policy = "defaults: { user: { cost: { month: 100 }, requests: { 1m: 5 } } }\n"

    private static func fields(
        _ scope: String, change: String = "add", amount: String = "50", meter: String = "cost", ends: String = "2h",
        reason: String = "deadline", version: String = "0", texts: (limits: String, add: String) = ("", "")
    ) -> [(String, String)] {
        [
            ("scope", scope), ("change", change), ("amount", amount), ("meter", meter), ("period", "month"),
            ("ends", ends), ("reason", reason), ("version", version), ("limits", texts.limits), ("add", texts.add),
        ]
    }

    @Test("an override is granted by amount or text, listed, changed and ended")
    func life() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let admin = try await dashboard.browser(as: .admin)
            #expect(try await admin.get("/overrides").words.contains("No overrides."))
            let made = try await admin.submit("/overrides", Self.fields("user:alice"))
            #expect(made.words.contains("user:alice has an override."))
            #expect(made.words.contains("user:alice + 50.00 USD / month 1 h"))
            let other = try await admin.submit(
                "/overrides",
                Self.fields(
                    "user:bob", change: "set", amount: "7", meter: "tokens", ends: "3d",
                    texts: (limits: "requests: { 1m: 100 }", add: #"{"cost/month":"0.5"}"#)))
            #expect(
                other.words.contains("user:bob 100 requests / 1m 7 tokens / month + 0.50 USD / month 2 d"))
            let change = try await admin.get("/overrides?scope=user%3Aalice")
            #expect(change.shows("\"cost/month\": \"50\"") && change.text.contains("value=\"deadline\""))
            let version = try #require(change.value(after: "name=\"version\" value=\""))
            let until = try #require(change.value(after: "name=\"ends\" value=\""))
            let changed = try await admin.submit(
                "/overrides", Self.fields("user:alice", amount: "60", ends: until, version: version))
            #expect(changed.words.contains("user:alice + 60.00 USD / month"))
            let row = try await dashboard.api("GET", "/v1/overrides?scope=user:alice")
            let next = try #require(try JSONValue(text: row.text).members?["items"]?.items?[0].members?["version"])
            let ended = try await admin.submit(
                "/overrides/end", [("scope", "user:alice"), ("version", next.compact)])
            #expect(ended.words.contains("The override of user:alice has ended."))
            #expect(!ended.text.contains("data-row=\"user:alice\""))
        }
    }

    @Test("viewers see the list without forms, and are refused; so is a form without the token of the session")
    func refused() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let admin = try await dashboard.browser(as: .admin)
            _ = try await admin.submit("/overrides", Self.fields("user:alice"))
            let viewer = try await dashboard.browser(as: .viewer)
            let page = try await viewer.get("/overrides?scope=user:alice")
            #expect(page.status == 200 && page.words.contains("user:alice"))
            #expect(!page.text.contains("action=\"/overrides"))
            for path in ["/overrides", "/overrides/end"] {
                #expect(try await viewer.post(path, Self.fields("user:alice")).status == 403)
                #expect(try await admin.send("POST", path, Self.fields("user:alice", version: "1")).status == 403)
            }
            #expect(try await admin.get("/overrides").text.contains("data-row=\"user:alice\""))
        }
    }

    @Test("errors of the API are beside their fields, and what was entered stays")
    func invalid() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let admin = try await dashboard.browser(as: .admin)
            for (fields, sentence) in [
                (Self.fields("alice"), "id=\"scope-error\" role=\"alert\">alice: expected kind:id"),
                (Self.fields("user:a", amount: "-1"), "id=\"amount-error\" role=\"alert\">add.cost/month: "),
                (
                    Self.fields("user:a", change: "set", amount: "1.5", meter: "tokens"),
                    "id=\"amount-error\" role=\"alert\">limits.tokens.month: "
                ),
                (Self.fields("user:a", ends: "soon"), "id=\"ends-error\" role=\"alert\">\(EndTime.message)"),
                (Self.fields("user:a", ends: "400d"), "id=\"ends-error\" role=\"alert\">expected a time"),
                (Self.fields("user:a", ends: ""), "id=\"ends-error\" role=\"alert\">\(EndTime.message)"),
                (Self.fields("user:a", reason: ""), "id=\"reason-error\" role=\"alert\">is missing"),
                (Self.fields("user:a", amount: ""), "limits or add has to name a limit"),
                (
                    Self.fields("user:a", amount: "", texts: ("requests: { 1m: x }", "")),
                    "id=\"limits-error\" role=\"alert\">limits.requests.1m: "
                ),
                (
                    Self.fields("user:a", amount: "", texts: ("", "[1]")),
                    "id=\"add-error\" role=\"alert\">Expected an object."
                ),
            ] {
                let page = try await admin.post("/overrides", fields)
                #expect(page.status == 422 && page.text.contains(sentence), "\(sentence): \(page.words)")
                for (name, value) in fields where !value.isEmpty && name != "version" {
                    #expect(page.shows(value), "\(name)")
                }
            }
            let missing = try await admin.post("/overrides/end", [("scope", "user:a"), ("version", "3")])
            #expect(missing.status == 412 && missing.words.contains("it has been deleted meanwhile."))
        }
    }

    @Test("a conflicting edit shows both versions, changes nothing, and can be sent again")
    func conflict() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let admin = try await dashboard.browser(as: .admin)
            _ = try await admin.submit("/overrides", Self.fields("user:alice", reason: "theirs"))
            let page = try await admin.post("/overrides", Self.fields("user:alice", amount: "70", reason: "mine"))
            #expect(page.status == 412 && page.words.contains("version 1 is stored meanwhile"))
            #expect(page.text.contains("<del>  &quot;reason&quot;: &quot;theirs&quot;</del>"))
            #expect(page.text.contains("<ins>  &quot;reason&quot;: &quot;mine&quot;</ins>"))
            #expect(page.text.contains("name=\"amount\" value=\"70\""))
            #expect(page.value(after: "name=\"version\" value=\"") == "1")
            let late = try await admin.post("/overrides/end", [("scope", "user:alice"), ("version", "9")])
            #expect(late.status == 412 && late.words.contains("Send it again to delete that version."))
            let saved = try await admin.submit(
                "/overrides", Self.fields("user:alice", amount: "70", reason: "mine", version: "1"))
            #expect(saved.words.contains("+ 70.00 USD / month") && saved.words.contains("mine"))
        }
    }

    @Test("hostile texts are text", arguments: DashboardHarness.hostileIDs)
    func hostile(text: String) async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let admin = try await dashboard.browser(as: .admin)
            let scope = try Scope(parts: [.init(kind: "user", id: text)]).description
            let wrong = try await admin.post(
                "/overrides",
                Self.fields(
                    scope, amount: text, meter: text, ends: text, reason: text, version: text, texts: (text, text)))
            #expect(wrong.status == 422 && wrong.shows(text))
            wrong.expectNoMarkup(of: text)
            let page = try await admin.submit("/overrides", Self.fields(scope, reason: text))
            #expect(page.shows(scope))
            page.expectNoMarkup(of: text)
            let change = try await admin.get("/overrides" + Markup.query([("scope", scope)]))
            #expect(change.status == 200 && change.shows(scope))
            change.expectNoMarkup(of: text)
        }
    }
}
