import Testing
import TollgateAdmin
import TollgateCore

@testable import TollgateDashboard

@Suite struct TierPagesTests {
    private static let policy = """
        tiers: { basic: { name: Basic, limits: { requests: { 1m: 3 }, cost: { month: 100 } } } }
        assignments: [{ role: Staff, tier: basic }]

        """

    private static func fields(_ limits: String, version: String, name: String = "Gold") -> [(String, String)] {
        [("version", version), ("name", name), ("enabled", "on"), ("limits", limits)]
    }

    @Test("tiers are listed with their limits, users and origin, and viewers see no form")
    func list() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            for user in 1...7 { try await dashboard.api("PUT", "/v1/assignments/user:u\(user)", #"{"tier":"basic"}"#) }
            let viewer = try await dashboard.browser(as: .viewer)
            let page = try await viewer.get("/tiers")
            #expect(page.status == 200)
            #expect(page.words.contains("basic Basic 3 requests / 1m 100.00 USD / month role:Staff user:u1"))
            #expect(page.words.contains("and 3 more file"))
            #expect(!page.text.contains("action=\"/tiers"))
            let one = try await viewer.get("/tiers/basic")
            #expect(one.words.contains("Origin file"))
            #expect(one.words.contains("\"1m\": 3") && !one.text.contains("action=\"/tiers"))
            #expect(try await viewer.get("/tiers/none").status == 404)
            #expect(try await viewer.post("/tiers", [("id", "gold")]).status == 403)
            #expect(try await viewer.post("/tiers/basic", []).status == 403)
            #expect(try await viewer.post("/tiers/basic/delete", []).status == 403)
        }
    }

    @Test("a tier is created, replaced and deleted, with limits as JSON or YAML")
    func life() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let admin = try await dashboard.browser(as: .admin)
            let made = try await admin.submit(
                "/tiers",
                [("id", "gold")] + Self.fields("requests: { 1m: 60 }\ncost: { month: 12.5 }\n", version: "0"))
            #expect(made.words.contains("gold was created.") && made.words.contains("Origin admin, version 1"))
            #expect(made.words.contains("\"month\": \"12.5\""))
            let version = try #require(made.value(after: "name=\"version\" value=\""))
            let saved = try await admin.submit(
                "/tiers/gold",
                Self.fields(#"{"tokens":{"month":1000000}}"#, version: version) + [("billing_day", "15")])
            #expect(saved.words.contains("gold was saved.") && saved.text.contains("value=\"15\""))
            #expect(saved.words.contains("\"month\": 1000000"))
            let list = try await admin.get("/tiers")
            #expect(list.words.contains("gold Gold 1\u{202F}000\u{202F}000 tokens / month No one admin"))
            // A tier of the file is replaced by one of the administrators.
            let replaced = try await admin.submit("/tiers/basic", Self.fields("{}", version: "0", name: "Mine"))
            #expect(replaced.words.contains("Origin admin, version 3"))
            let next = try #require(saved.value(after: "name=\"version\" value=\""))
            let unsure = try await admin.post("/tiers/gold/delete", [("version", next), ("confirm", "gol")])
            #expect(unsure.status == 422 && unsure.words.contains("Type gold to confirm."))
            let gone = try await admin.submit("/tiers/gold/delete", [("version", next), ("confirm", "gold")])
            #expect(gone.words.contains("gold was deleted.") && !gone.text.contains("data-row=\"gold\""))
        }
    }

    @Test("errors of the API are beside their fields, and what was entered stays")
    func invalid() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let admin = try await dashboard.browser(as: .admin)
            let limits = "{\"requests\": {\"1x\": 5}}"
            let page = try await admin.post(
                "/tiers",
                [("id", "gold")] + Self.fields(limits, version: "0") + [("reset_hour", "25"), ("timezone", "Mars")])
            #expect(page.status == 422)
            #expect(page.text.contains("id=\"limits-error\" role=\"alert\">limits.requests.1x: "))
            #expect(page.text.contains("id=\"reset_hour-error\" role=\"alert\">expected a whole number from 0 to 23"))
            #expect(!page.text.contains("id=\"timezone-error\" role=\"alert\"></span>"))
            #expect(page.shows(limits) && page.text.contains("value=\"25\"") && page.text.contains("value=\"gold\""))
            #expect(!page.text.contains("data-refresh"))
            for (limits, sentence) in [
                ("{\"requests\": {\"1m\": 5}", "the text is cut off: "),
                ("requests: { 1m: 60", "Line "), ("a: 1\na: 2", "Line 2: "),
            ] {
                let page = try await admin.post("/tiers", [("id", "gold")] + Self.fields(limits, version: "0"))
                #expect(
                    page.status == 422 && page.text.contains("id=\"limits-error\" role=\"alert\">\(sentence)"),
                    "\(page.words)")
                #expect(page.shows(limits))
            }
            let unnamed = try await admin.post("/tiers", [("id", "a b")] + Self.fields("{}", version: "0"))
            #expect(unnamed.status == 422 && unnamed.words.contains("the id of a tier is 1 to 64 of"))
            try await dashboard.api("PUT", "/v1/tiers/used", #"{"limits":{}}"#)
            try await dashboard.api("PUT", "/v1/assignments/default", #"{"tier":"used"}"#)
            let used = try await admin.post("/tiers/used/delete", [("version", "1"), ("confirm", "used")])
            #expect(used.status == 409 && used.words.contains("the tier is assigned to 1 user, role or domain"))
        }
    }

    @Test("a conflicting edit shows both versions, changes nothing, and can be sent again")
    func conflict() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let admin = try await dashboard.browser(as: .admin)
            try await dashboard.api("PUT", "/v1/tiers/gold", #"{"limits":{"requests":{"1m":5}},"name":"theirs"}"#)
            // Created meanwhile.
            let limits = #"{"requests": {"1m": 7}}"#
            let page = try await admin.post("/tiers", [("id", "gold")] + Self.fields(limits, version: "0"))
            #expect(page.status == 412)
            #expect(page.words.contains("version 1 is stored meanwhile. Send it again to replace that version."))
            #expect(page.text.contains("<del>      &quot;1m&quot;: 5</del>"))
            #expect(page.text.contains("<ins>      &quot;1m&quot;: 7</ins>"))
            #expect(page.text.contains("<del>  &quot;name&quot;: &quot;theirs&quot;</del>"))
            #expect(page.shows(limits) && page.text.contains("action=\"/tiers/gold\""))
            #expect(page.value(after: "name=\"version\" value=\"") == "1")
            let stored = try await dashboard.api("GET", "/v1/tiers/gold")
            #expect(stored.text.contains("theirs"))
            // Replaced meanwhile.
            try await dashboard.api("PUT", "/v1/tiers/gold", #"{"limits":{}}"#, ifMatch: "*")
            let second = try await admin.post("/tiers/gold", Self.fields(limits, version: "1"))
            #expect(second.status == 412 && second.value(after: "name=\"version\" value=\"") == "2")
            let late = try await admin.post("/tiers/gold/delete", [("version", "1"), ("confirm", "gold")])
            #expect(late.status == 412 && late.words.contains("Send it again to delete that version."))
            // Deleted meanwhile.
            try await dashboard.api("DELETE", "/v1/tiers/gold", ifMatch: "*")
            let third = try await admin.post("/tiers/gold", Self.fields(limits, version: "2"))
            #expect(third.status == 412 && third.words.contains("it has been deleted meanwhile"))
            let saved = try await admin.submit("/tiers/gold", Self.fields(limits, version: "0"))
            #expect(saved.words.contains("gold was saved."))
        }
    }

    @Test("a form without the token of the session changes nothing")
    func unsigned() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let admin = try await dashboard.browser(as: .admin)
            let fields = [("id", "gold")] + Self.fields("{}", version: "0")
            for path in ["/tiers", "/tiers/basic", "/tiers/basic/delete"] {
                #expect(try await admin.send("POST", path, fields).status == 403)
            }
            #expect(try await admin.get("/tiers/gold").status == 404)
        }
    }

    @Test("hostile texts are text", arguments: DashboardHarness.hostileIDs)
    func hostile(text: String) async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let admin = try await dashboard.browser(as: .admin)
            let page = try await admin.post(
                "/tiers",
                [("id", text)] + Self.fields(text, version: text, name: text) + [("timezone", text)])
            #expect(page.status == 422 && page.shows(text))
            page.expectNoMarkup(of: text)
            let other = try await admin.post("/tiers/gold", Self.fields("{\"\(text)\": 1}", version: "7", name: text))
            other.expectNoMarkup(of: text)
            try await admin.get("/tiers/\(Markup.encoded(text))").expectNoMarkup(of: text)
            // Names have at most 200 bytes.
            let name = text.utf8.count > 200 ? "gold" : text
            let body = JSONValue.object(["limits": .object([:]), "name": .string(name), "description": .string(text)])
            try await dashboard.api("PUT", "/v1/tiers/gold", body.compact)
            for path in ["/tiers", "/tiers/gold"] {
                let page = try await admin.get(path)
                #expect(page.status == 200 && page.shows(text), "\(path)")
                page.expectNoMarkup(of: text)
            }
        }
    }
}
