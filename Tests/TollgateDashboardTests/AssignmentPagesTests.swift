import Testing
import TollgateAdmin
import TollgateCore
import TollgatePolicy

@testable import TollgateDashboard

@Suite struct AssignmentPagesTests {
    private static let policy = """
        tiers: { basic: { limits: { requests: { 1m: 3 } } }, gold: { limits: { requests: { 1m: 9 } } } }
        assignments: [{ role: Staff, tier: basic }]

        """

    private static func fields(
        _ kind: String, _ name: String, tier: String, priority: String = ""
    ) -> [(String, String)] {
        [
            ("kind", kind), ("name", name), ("tier", tier), ("priority", priority), ("enabled", "on"),
            ("version", "0"),
        ]
    }

    @Test("assignments are listed with their origin, and viewers see no form")
    func list() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            try await dashboard.api("PUT", "/v1/assignments/user:alice", #"{"tier":"gold","enabled":false}"#)
            let viewer = try await dashboard.browser(as: .viewer)
            let page = try await viewer.get("/assignments")
            #expect(page.words.contains("role:Staff basic 200 enabled file"))
            #expect(page.words.contains("user:alice who gold 300 disabled admin"))
            #expect(page.text.contains("href=\"/who?user=user%3Aalice\""))
            #expect(!page.text.contains("action=\"/assignments"))
            let one = try await viewer.get("/assignments/role%3AStaff")
            #expect(one.words.contains("Origin file Tier basic , priority 200"))
            #expect(!one.text.contains("action=\"/assignments"))
            #expect(try await viewer.get("/assignments/role%3ANone").status == 404)
            for path in ["/assignments", "/assignments/role%3AStaff", "/assignments/role%3AStaff/delete"] {
                #expect(try await viewer.post(path, Self.fields("user", "bob", tier: "gold")).status == 403)
                let admin = try await dashboard.browser(as: .admin)
                #expect(try await admin.send("POST", path, Self.fields("user", "bob", tier: "gold")).status == 403)
            }
        }
    }

    @Test("an assignment of every kind is created, replaced and deleted")
    func life() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let admin = try await dashboard.browser(as: .admin)
            for (kind, name, id) in [
                ("user", "bob+x", "user:bob++x"), ("role", "A B/c", "role:A B/c"),
                ("email_domain", "Example.com", "email_domain:example.com"), ("default", "", "default"),
            ] {
                let made = try await admin.submit("/assignments", Self.fields(kind, name, tier: "gold", priority: "7"))
                #expect(made.shows("\(id) has the tier gold."), "\(kind)")
                let path = "/assignments/\(Markup.encoded(id))"
                let one = try await admin.get(path)
                let version = try #require(one.value(after: "name=\"version\" value=\""))
                #expect(one.words.contains("Origin admin, version \(version) Tier gold , priority 7"))
                let saved = try await admin.submit(path, [("version", version), ("tier", "basic")])
                #expect(saved.shows("\(id) has the tier basic.") && saved.words.contains("disabled admin"))
                let next = try #require(try await admin.get(path).value(after: "name=\"version\" value=\""))
                let gone = try await admin.submit("\(path)/delete", [("version", next)])
                #expect(gone.shows("\(id) is not assigned any more."))
                #expect(try await admin.get(path).status == 404)
            }
        }
    }

    @Test("errors of the API are beside their fields, and what was entered stays")
    func invalid() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let admin = try await dashboard.browser(as: .admin)
            for (fields, sentence) in [
                (Self.fields("user", "bob", tier: "none"), "id=\"tier-error\" role=\"alert\">none: no such tier"),
                (
                    Self.fields("user", "bob", tier: "gold", priority: "1.5"),
                    "id=\"priority-error\" role=\"alert\">expected a whole number"
                ),
                (Self.fields("user", "", tier: "gold"), "id=\"name-error\" role=\"alert\">"),
                (Self.fields("role", "a,b", tier: "gold"), "id=\"name-error\" role=\"alert\">role: a comma"),
                (Self.fields("role", "r", tier: ""), "id=\"tier-error\" role=\"alert\">is missing"),
            ] {
                let page = try await admin.post("/assignments", fields)
                #expect(page.status == 422 && page.text.contains(sentence), "\(sentence)")
                #expect(page.text.contains("name=\"name\" value=\"\(fields[1].1)\""))
                #expect(page.text.contains("<option selected>\(fields[0].1)</option>"))
            }
            let file = try await admin.post("/assignments/role%3AStaff/delete", [("version", "0")])
            #expect(file.status == 409 && file.words.contains("comes from the policy file"))
        }
    }

    @Test("a conflicting edit shows both versions, changes nothing, and can be sent again")
    func conflict() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let admin = try await dashboard.browser(as: .admin)
            try await dashboard.api("PUT", "/v1/assignments/user:bob", #"{"tier":"basic","priority":5}"#)
            let page = try await admin.post("/assignments", Self.fields("user", "bob", tier: "gold", priority: "6"))
            #expect(page.status == 412 && page.words.contains("version 1 is stored meanwhile"))
            #expect(page.text.contains("<del>  &quot;tier&quot;: &quot;basic&quot;</del>"))
            #expect(page.text.contains("<ins>  &quot;priority&quot;: 6</ins>"))
            #expect(page.text.contains("name=\"tier\" value=\"gold\""))
            #expect(page.value(after: "name=\"version\" value=\"") == "1")
            let path = "/assignments/user%3Abob"
            #expect(try await admin.post(path, [("version", "9"), ("tier", "gold")]).status == 412)
            #expect(try await admin.post("\(path)/delete", [("version", "9")]).status == 412)
            let saved = try await admin.submit(path, [("version", "1"), ("tier", "gold"), ("enabled", "on")])
            #expect(saved.words.contains("user:bob who gold"))
        }
    }

    @Test("hostile names are text", arguments: DashboardHarness.hostileIDs)
    func hostile(name: String) async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let admin = try await dashboard.browser(as: .admin)
            let wrong = try await admin.post("/assignments", Self.fields(name, name, tier: name, priority: name))
            #expect(wrong.status == 422 && wrong.shows(name))
            wrong.expectNoMarkup(of: name)
            for kind in ["user", "role"] {
                let subject = try Assignment.Subject(kind: kind, name: name)
                let page = try await admin.submit("/assignments", Self.fields(kind, name, tier: "gold"))
                #expect(page.shows(subject.id))
                page.expectNoMarkup(of: name)
                let one = try await admin.get("/assignments/\(Markup.encoded(subject.id))")
                #expect(one.status == 200 && one.shows(subject.id))
                one.expectNoMarkup(of: name)
            }
        }
    }
}
