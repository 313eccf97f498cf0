import Foundation
import HTTPTypes
import Testing
import TollgateAdmin
import TollgateTestSupport

@testable import TollgateDashboard

/// What holds for every page and every form. The tests go over the routes, so that they cover new pages, too.
@Suite struct RouteProtectionTests {
    private static let policy = """
        history: [user, tool]
        defaults: { user: { requests: { 1m: 60 }, cost: { month: 100 } } }
        tiers: { basic: { limits: { cost: { month: 50 } } } }
        """

    private func paths(_ dashboard: DashboardHarness, _ method: String) -> [String] {
        dashboard.dashboard.routes.filter { $0.method.rawValue == method }.map(\.path)
            .filter { !$0.hasPrefix("/assets/") && $0 != "/sign-in" }
    }

    /// Puts a value in place of each parameter of a path.
    private func filled(_ path: String) -> String {
        path.replacing("{scope}", with: "user%3Aalice").replacing("{kind}", with: "user")
            .replacing(/\{\w+\}/, with: "x")
    }

    private func expectSecured(
        _ page: TestPage, _ name: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let policy = page["Content-Security-Policy"] ?? ""
        for directive in ["default-src 'self'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"] {
            #expect(policy.contains(directive), "\(name)", sourceLocation: sourceLocation)
        }
        #expect(!policy.contains("unsafe"))
        let headers = [
            "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
            "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
        ]
        for (header, value) in headers {
            #expect(page[header] == value, "\(name): \(header)", sourceLocation: sourceLocation)
        }
    }

    @Test("pages need a session, and are shown to viewers and admins")
    func pages() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let paths = paths(dashboard, "GET")
            #expect(paths.count >= 2)
            let caller = dashboard.cookie(of: try await dashboard.session(of: .caller))
            let viewer = try await dashboard.browser(as: .viewer)
            let admin = try await dashboard.browser(as: .admin)
            for path in paths.map(filled) {
                let visitor = try await dashboard.browser().get(path)
                #expect(visitor.status == 303, "\(path)")
                let next = path == "/" ? "" : "?next=\(Markup.encoded(path))"
                #expect(visitor.location == "/sign-in\(next)", "\(path)")
                expectSecured(visitor, path)
                let refresh = try await dashboard.browser().get(path, headers: ["X-Tollgate-Refresh": "1"])
                #expect(refresh.status == 401, "\(path)")
                expectSecured(refresh, path)
                let refused = try await dashboard.browser().get(path, headers: caller)
                #expect(refused.status == 403, "\(path)")
                #expect(refused.words.contains("the caller has the role caller, which does not allow this"), "\(path)")
                expectSecured(refused, path)
                for browser in [viewer, admin] {
                    let page = try await browser.get(path)
                    #expect(page.status < 500, "\(path): \(page.status)")
                    expectSecured(page, path)
                    #expect(UnsafeMarkup.findings(in: page.text) == [], "\(path)")
                    #expect(try await browser.send("HEAD", path).status == page.status, "\(path)")
                }
            }
        }
    }

    @Test("forms need a session, a role, the token of the session, and to be forms")
    func forms() async throws {
        try await withDashboard(policy: Self.policy) { dashboard in
            let paths = paths(dashboard, "POST")
            #expect(paths.count >= 2)
            let key = dashboard.dashboard.pages.key
            let session = try await dashboard.session(of: .admin)
            let admin = dashboard.cookie(of: session)
            let csrf = key.formToken(of: session)
            let other = key.formToken(of: try await dashboard.session(of: .admin))
            let viewerSession = try await dashboard.session(of: .viewer)
            let viewer = dashboard.cookie(of: viewerSession)
            let callerSession = try await dashboard.session(of: .caller)
            let browser: () -> TestBrowser = dashboard.browser
            func post(
                _ path: String, _ fields: [(String, String)], _ headers: [String: String], status: Int,
                sourceLocation: SourceLocation = #_sourceLocation
            ) async throws {
                let page = try await browser().send("POST", path, fields, headers: headers)
                #expect(page.status == status, "\(path): \(page.words)", sourceLocation: sourceLocation)
                // What is not meant for this listener at all is answered as by the API.
                if status != 400 { expectSecured(page, path, sourceLocation: sourceLocation) }
            }
            for route in paths {
                let path = filled(route)
                try await post(path, [("csrf", csrf)], [:], status: 401)
                // Signing out is the only form of viewers and callers.
                if route != "/sign-out" {
                    try await post(path, [("csrf", key.formToken(of: viewerSession))], viewer, status: 403)
                    let caller = dashboard.cookie(of: callerSession)
                    try await post(path, [("csrf", key.formToken(of: callerSession))], caller, status: 403)
                }
                try await post(path, [], admin, status: 403)
                try await post(path, [("csrf", "")], admin, status: 403)
                try await post(path, [("csrf", other)], admin, status: 403)
                try await post(path, [("csrf", key.sealed(session, for: .form))], admin, status: 403)
                try await post(path + "?csrf=\(csrf)", [], admin, status: 403)
                let json = try await browser().api("POST", path, #"{"csrf":"\#(csrf)"}"#, token: "x", headers: admin)
                #expect(json.status == 415, "\(path)")
                for origin in ["http://evil.example", "null", "http://127.0.0.1:1"] {
                    let headers = admin.merging(["Origin": origin]) { $1 }
                    try await post(path, [("csrf", csrf)], headers, status: 400)
                }
                let host = admin.merging(["Host": "evil.example"]) { $1 }
                try await post(path, [("csrf", csrf)], host, status: 400)
                let large = [("csrf", csrf), ("x", String(repeating: "x", count: 1 << 20))]
                try await post(path, large, admin, status: 413)
                let many = [("csrf", csrf)] + (0..<Form.maxFields).map { ("f\($0)", "") }
                try await post(path, many, admin, status: 400)
            }
            // None of them has changed or ended anything.
            #expect(try await browser().get("/", headers: admin).status == 200)
            #expect(try await dashboard.api("GET", "/v1/audit").text.contains(#""items":[]"#))
        }
    }

    @Test("a page for another host is refused")
    func foreignHost() async throws {
        try await withDashboard { dashboard in
            for path in ["/", "/sign-in", "/sign-in?code=1", Assets.styles.path] {
                let page = try await dashboard.browser().get(path, headers: ["Host": "evil.example:7380"])
                #expect(page.status == 400, "\(path)")
                #expect(page.text.contains("is not a host name of this API"))
            }
        }
    }

    @Test("browsers get a page about an unknown path or method, other clients a problem document")
    func unknownPath() async throws {
        try await withDashboard { dashboard in
            let browser = try await dashboard.browser(as: .viewer)
            let html = ["Accept": "text/html,application/xhtml+xml,*/*;q=0.8"]
            let hostile = "/no/%3Cimg%20onerror%3D1%3E"
            let page = try await browser.get(hostile, headers: html)
            #expect(page.status == 404)
            expectSecured(page, "404")
            #expect(page.words.contains("Page not found"))
            #expect(page.words.contains("the viewer viewer Sign out"))
            #expect(page.text.contains("href=\"/usage\""))
            #expect(!page.text.contains("<img"))
            let visitor = try await dashboard.browser().get("/usage/", headers: html)
            #expect(visitor.status == 404)
            expectSecured(visitor, "404")
            #expect(visitor.text.contains("href=\"/sign-in\"") && !visitor.text.contains("href=\"/usage\""))
            let method = try await browser.get("/sign-out", headers: html)
            #expect(method.status == 405)
            #expect(method["Allow"] == "POST")
            let json = try await browser.get("/no/such", headers: ["Accept": "application/json"])
            #expect(json.status == 404)
            #expect(json["Content-Type"] == "application/problem+json")
        }
    }

    @Test("assets are open, and cached until they change")
    func assets() async throws {
        try await withDashboard(waits: false) { dashboard in
            for file in [Assets.styles, Assets.script, Assets.icon] {
                let answer = try await dashboard.browser().get(file.path)
                #expect(answer.status == 200)
                #expect(answer.text == file.text)
                #expect(answer["Content-Type"] == file.type)
                #expect(answer["Cache-Control"] == "public, max-age=31536000, immutable")
                #expect(answer["X-Content-Type-Options"] == "nosniff")
                #expect(answer["Set-Cookie"] == nil)
                #expect(file.path.contains(#/^/assets/\w+-[0-9a-f]{6,12}\.(css|js|svg)$/#), "\(file.path)")
            }
            #expect(try await dashboard.browser().get("/assets/dashboard.css").status == 404)
        }
    }
}
