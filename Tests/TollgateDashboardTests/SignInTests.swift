import Foundation
import Testing
import TollgateAdmin
import TollgateServer
import TollgateTestSupport

@testable import TollgateDashboard

/// Signing in and out over HTTP.
@Suite struct SignInTests {
    /// Creates a link with the token of a role, and returns its path.
    private func link(_ dashboard: DashboardHarness, as role: Role = .admin) async throws -> String {
        let answer = try await dashboard.browser().api(
            "POST", "/v1/sign-in-links", nil, token: DashboardHarness.tokens[role] ?? "")
        #expect(answer.status == 201, "\(answer.text)")
        return try #require(answer.value(after: "\"path\":\""))
    }

    @Test("a token of an admin or a viewer signs in, and shows the name and the role")
    func token() async throws {
        try await withDashboard { dashboard in
            for role in [Role.admin, .viewer] {
                let page = try await dashboard.browser(as: role).get("/")
                #expect(page.status == 200)
                #expect(page.words.contains("the \(role.rawValue) \(role.rawValue) Sign out"))
            }
            #expect(
                dashboard.log.text.contains("info signed in to the dashboard by=token from=127.0.0.1 who=the viewer"))
        }
    }

    @Test("a link signs in once, whichever browser opens it, and HEAD does not use it")
    func link() async throws {
        try await withDashboard { dashboard in
            for role in [Role.admin, .viewer] {
                let path = try await link(dashboard, as: role)
                let browser = dashboard.browser()
                #expect(try await browser.send("HEAD", path).status == 200)
                #expect(try await browser.get("/").status == 303)
                let page = try await browser.get(path)
                #expect(page.status == 200)
                #expect(page.text.contains("content=\"0;url=/\""), "\(page.text)")
                #expect(try await browser.get("/").words.contains("the \(role.rawValue) \(role.rawValue) Sign out"))
                let other = dashboard.browser()
                let again = try await other.get(path)
                #expect(again.status == 401)
                #expect(again.shows("the link has been used or has expired; run tollgate dashboard again"))
                #expect(try await other.get("/").status == 303)
            }
            #expect(
                try await dashboard.browser().get("/sign-in?code=\(String(repeating: "0", count: 64))").status == 401)
            let caller = try await dashboard.browser().api(
                "POST", "/v1/sign-in-links", nil, token: DashboardHarness.tokens[.caller] ?? "")
            #expect(caller.status == 403)
        }
    }

    @Test("a link expires")
    func expiredLink() async throws {
        try await withDashboard(signInLifetime: .milliseconds(1)) { dashboard in
            let path = try await link(dashboard)
            try await Task.sleep(for: .milliseconds(5))
            let browser = dashboard.browser()
            let page = try await browser.get(path)
            #expect(page.status == 401)
            #expect(page.shows("the link has been used or has expired"))
            #expect(try await browser.get("/").status == 303)
        }
    }

    @Test("refused links are logged once a minute, without the code")
    func refusals() async throws {
        try await withDashboard { dashboard in
            let code = String(repeating: "c0de", count: 16)
            for _ in 0..<5 { _ = try await dashboard.browser().get("/sign-in?code=\(code)") }
            let lines = dashboard.log.text.split(separator: "\n").filter { $0.contains("refused") }
            #expect(
                lines == [
                    "warning dashboard: sign-in refused by=link from=127.0.0.1 reason=unauthenticated who=-",
                    "warning dashboard: more sign-ins refused, not logged one by one by=link from=127.0.0.1 reason=unauthenticated who=-",
                ])
            #expect(!dashboard.log.text.contains(code))
        }
    }

    @Test("wrong tokens are refused, and limited together with those of the API")
    func wrongTokens() async throws {
        try await withDashboard { dashboard in
            let browser = dashboard.browser()
            func signIn(_ token: String) async throws -> TestPage {
                let csrf = try #require(try await browser.get("/sign-in").csrf)
                return try await browser.send("POST", "/sign-in", [("csrf", csrf), ("token", token)])
            }
            let empty = try await signIn(" ")
            #expect(empty.status == 400)
            #expect(empty.shows("enter a token"))
            for _ in 0..<ClientFailures.maxWrongTokens {
                let page = try await signIn("a-wrong-token-of-mine")
                #expect(page.status == 401)
                #expect(page.shows("the token is invalid or has expired"))
                #expect(!page.text.contains("a-wrong-token-of-mine"))
                #expect(page.location == nil)
            }
            let limited = try await signIn(String(repeating: "x", count: 10_000))
            #expect(limited.status == 429)
            #expect(limited["Retry-After"].flatMap { Int($0) }.map { (1...60).contains($0) } == true)
            let api = try await browser.api("GET", "/v1/tiers", nil, token: "a-wrong-token-of-mine")
            #expect(api.status == 429)
            // Others behind the same address can still sign in.
            #expect(try await signIn(DashboardHarness.tokens[.admin] ?? "").status == 200)
            #expect(!dashboard.log.text.contains("a-wrong-token"))
            #expect(!dashboard.log.text.contains("token-of-an-admin"))
        }
    }

    @Test("a caller is told that the dashboard is not for callers, and gets no session")
    func caller() async throws {
        try await withDashboard { dashboard in
            let browser = dashboard.browser()
            let csrf = try #require(try await browser.get("/sign-in").csrf)
            let page = try await browser.send(
                "POST", "/sign-in", [("csrf", csrf), ("token", DashboardHarness.tokens[.caller] ?? "")])
            #expect(page.status == 403)
            #expect(page.words.contains("the caller has the role caller. The dashboard is for viewers and admins."))
            #expect(page["Set-Cookie"] == nil)
            #expect(try await browser.get("/").status == 303)
            #expect(
                dashboard.log.text.contains(
                    "warning dashboard: sign-in refused by=token from=127.0.0.1 reason=forbidden who=the caller"))
        }
    }

    @Test("a sign-in form needs its token and the session of its visitor")
    func formToken() async throws {
        try await withDashboard { dashboard in
            let secret = ("token", DashboardHarness.tokens[.admin] ?? "")
            let browser = dashboard.browser()
            let csrf = try #require(try await browser.get("/sign-in").csrf)
            for (visitor, fields) in [
                (dashboard.browser(), [("csrf", csrf), secret]), (browser, [secret]),
                (browser, [("csrf", ""), secret]),
                (browser, [("csrf", String(csrf.dropLast())), secret]),
            ] {
                let page = try await visitor.send("POST", "/sign-in", fields)
                #expect(page.status == 403, "\(fields)")
                #expect(try await visitor.get("/").status == 303)
            }
            #expect(try await browser.send("POST", "/sign-in", [("csrf", csrf), secret]).status == 200)
        }
    }

    @Test("signing out ends the session, also for a copy of its cookie")
    func signOut() async throws {
        try await withDashboard { dashboard in
            let browser = try await dashboard.browser(as: .admin)
            let session = try await dashboard.session(of: .viewer)
            let copy = dashboard.cookie(of: session)
            let csrf = dashboard.dashboard.pages.key.formToken(of: session)
            #expect(try await dashboard.browser().get("/", headers: copy).status == 200)
            let out = try await dashboard.browser().send("POST", "/sign-out", [("csrf", csrf)], headers: copy)
            #expect(out.status == 303)
            #expect(out.location == "/sign-in")
            #expect(out["Set-Cookie"]?.contains("=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict") == true)
            #expect(try await dashboard.browser().get("/", headers: copy).status == 303)
            // Other sessions go on.
            #expect(try await browser.get("/").status == 200)
            #expect(try await browser.post("/sign-out").status == 303)
            #expect(try await browser.get("/").status == 303)
        }
    }

    @Test(
        "only a path of the dashboard is gone to after signing in",
        arguments: [
            "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example",
            "https:evil.example", "javascript:alert(1)", "data:text/html,x", "evil.example", "", " /usage",
            "/usage\r\nX: y", "/usage\u{0}", "/\t/evil.example", "/us age", "/\u{e4}", "/\u{301}", "/sign-in",
            "/sign-in?code=1", "?kind=user", "#x",
        ])
    func foreignNext(next: String) {
        #expect(SignInPages.local(next) == "/")
    }

    @Test("the page that was asked for is shown after signing in")
    func next() async throws {
        for path in ["/", "/usage?kind=tool&prefix=a%2Fb", "/scopes/user%3A%3Cb%3E", "/;url=//x"] {
            #expect(SignInPages.local(path) == path)
        }
        try await withDashboard { dashboard in
            let browser = dashboard.browser()
            let first = try await browser.get("/usage?kind=tool&prefix=%22%3E%3Cb")
            #expect(first.status == 303)
            #expect(first.location == "/sign-in?next=%2Fusage%3Fkind%3Dtool%26prefix%3D%2522%253E%253Cb")
            let form = try await browser.get(first.location ?? "")
            let next = try #require(form.value(after: "name=\"next\" value=\""))
            #expect(next == "/usage?kind=tool&prefix=%22%3E%3Cb")
            let fields = [("csrf", form.csrf ?? ""), ("token", DashboardHarness.tokens[.viewer] ?? ""), ("next", next)]
            let page = try await browser.send("POST", "/sign-in", fields)
            #expect(page.value(after: "http-equiv=\"refresh\" content=\"") == "0;url=\(next)")
            let evil = try await browser.get("/sign-in?next=%2F%2Fevil.example")
            #expect(evil.value(after: "name=\"next\" value=\"") == "/")
        }
    }
}
