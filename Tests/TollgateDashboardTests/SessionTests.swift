import Crypto
import Foundation
import Testing
import TollgateAdmin
import TollgateCore
import TollgateTestSupport

@testable import TollgateDashboard

extension DashboardHarness {
    /// The header with the cookie of a session, signed by the sidecar unless another key is given.
    func cookie(of session: Session, signedBy key: SessionKey? = nil) -> [String: String] {
        let server = dashboard.pages
        return ["Cookie": "\(server.cookies.session)=\((key ?? server.key).sealed(session, for: .session))"]
    }

    /// The status of the overview for a browser with only this cookie header.
    func status(withCookie text: String) async throws -> Int {
        try await browser().get("/", headers: ["Cookie": text]).status
    }
}

/// The cookies of sessions.
@Suite struct SessionTests {
    private let viewer = Identity(name: "v", role: .viewer)

    @Test("the cookie cannot be read by scripts, is not sent by other sites, and ends after 12 hours")
    func attributes() async throws {
        try await withDashboard { dashboard in
            let form = try await dashboard.browser().get("/sign-in")
            let field = try #require(form["Set-Cookie"])
            let attributes = #/^tollgate_session_\d+=[\w-]+\.[\w-]+; Path=/; Max-Age=\d+; HttpOnly; SameSite=Strict$/#
            #expect(field.contains(attributes), "\(field)")
            let age = try #require(field.firstMatch(of: #/Max-Age=(\d+)/#).flatMap { Int($0.1) })
            #expect((43_190...43_200).contains(age))
            // A proxy with TLS in front.
            let encrypted = try await dashboard.browser().get("/sign-in", headers: ["X-Forwarded-Proto": "https"])
            #expect(encrypted["Set-Cookie"]?.hasSuffix("; SameSite=Strict; Secure") == true)
        }
    }

    @Test("signing in starts a new session")
    func fixation() async throws {
        try await withDashboard { dashboard in
            let browser = dashboard.browser()
            let csrf = try #require(try await browser.get("/sign-in").csrf)
            try await browser.signIn(token: DashboardHarness.tokens[.admin] ?? "")
            #expect(browser.csrf != csrf)
            let page = try await browser.send("POST", "/sign-out", [("csrf", csrf)])
            #expect(page.status == 403)
        }
    }

    @Test("a cookie that is changed, has expired, or has another key or purpose is refused")
    func tampering() async throws {
        try await withDashboard { dashboard in
            let server = dashboard.dashboard.pages
            let name = server.cookies.session
            let session = try await dashboard.session(of: .viewer)
            let sealed = server.key.sealed(session, for: .session)
            #expect(try await dashboard.status(withCookie: "\(name)=\(sealed)") == 200)
            let parts = sealed.split(separator: ".").map(String.init)
            let json = String(decoding: try #require(Base64URL.bytes(of: parts[0])), as: UTF8.self)
            let promoted = Base64URL.text(Data(json.replacing("viewer", with: "admin").utf8))
            var expired = session
            expired.expiresAt = PageServer.now
            var stranger = session
            stranger.user?.role = "root"
            for cookie in [
                "", "x", ".", "\(parts[0]).", ".\(parts[1])", parts[0], "\(promoted).\(parts[1])", "\(sealed)x",
                String(sealed.dropLast()), "\(sealed.uppercased())", "\(sealed).\(parts[1])", "\(sealed)=",
                server.key.sealed(expired, for: .session), server.key.sealed(stranger, for: .session),
                server.key.sealed(session, for: .notice), SessionKey().sealed(session, for: .session),
                server.key.sealed(Session.visitor(at: PageServer.now), for: .session),
                server.key.sealed("text", for: .session), "\"\(sealed)\"", "\u{e4}",
                String(repeating: "a", count: 6_000),
            ] {
                #expect(try await dashboard.status(withCookie: "\(name)=\(cookie)") == 303, "\(cookie)")
            }
            #expect(try await dashboard.status(withCookie: "other=\(sealed)") == 303)
            #expect(try await dashboard.status(withCookie: "x\(name)=\(sealed)") == 303)
            // Cookies that another program of the host has added do not sign the user out.
            #expect(try await dashboard.status(withCookie: "a=b; \(name)=forged; \(name)=\(sealed); c") == 200)
        }
    }

    @Test("a session ends with the JWT that signed in")
    func tokenExpiry() async throws {
        let folder = try TemporaryFolder()
        let secret = String(repeating: "s3cret-", count: 10)
        _ = try folder.write(secret, to: "secret")
        let path = try folder.write(
            "jwt: { secret_file: secret, audience: tollgate, roles: { viewer: staff } }\n", to: "access.yaml")
        let access = try await AccessFile(path: path).read()
        try await withDashboard(access: access) { dashboard in
            func jwt(for seconds: Int64) -> String {
                let claims = #"{"sub":"carol","aud":"tollgate","role":"staff","exp":\#(PageServer.now + seconds)}"#
                let text = [#"{"alg":"HS256","typ":"JWT"}"#, claims].map { Base64URL.text(Data($0.utf8)) }
                    .joined(separator: ".")
                let key = SymmetricKey(data: Data(secret.utf8))
                return "\(text).\(Base64URL.text(HMAC<SHA256>.authenticationCode(for: Data(text.utf8), using: key)))"
            }
            func signIn(_ token: String, _ browser: TestBrowser) async throws -> TestPage {
                let csrf = try #require(try await browser.get("/sign-in").csrf)
                return try await browser.send("POST", "/sign-in", [("csrf", csrf), ("token", token)])
            }
            let page = try await signIn(jwt(for: 600), dashboard.browser())
            #expect(page.status == 200)
            let age = page["Set-Cookie"]?.firstMatch(of: #/Max-Age=(\d+)/#).flatMap { Int($0.1) }
            #expect(age.map { (500...600).contains($0) } == true)
            #expect(try await signIn(jwt(for: -1), dashboard.browser()).status == 401)

            let browser = dashboard.browser()
            _ = try await signIn(jwt(for: 600), browser)
            #expect(try await browser.get("/").words.contains("jwt:carol viewer Sign out"))
            let now = PageServer.now
            let ended = Session.signedIn(Identity(name: "jwt:carol", role: .viewer, expiresAt: now), at: now - 60)
            let cookie = try #require(dashboard.cookie(of: ended)["Cookie"])
            #expect(try await dashboard.status(withCookie: cookie) == 303)
        }
    }

    private func access(_ tokens: [(name: String, role: Role, token: String)]) -> AccessSettings {
        AccessSettings(tokens: tokens.map { .init(name: $0.name, role: $0.role, token: $0.token) })
    }

    @Test(
        "a session ends when its token is removed, or gets another role or secret, and does not come back with it",
        arguments: [
            nil, ("the viewer", .admin, "token-of-a-viewer-2"), ("the viewer", .viewer, "another-token-of-a-viewer"),
            ("new", .viewer, "token-of-a-viewer-2"),
        ] as [(String, Role, String)?])
    func removedToken(changed: (String, Role, String)?) async throws {
        try await withDashboard { dashboard in
            let before = dashboard.access.settings
            let (viewer, admin) = (try await dashboard.browser(as: .viewer), try await dashboard.browser(as: .admin))
            let link = try await dashboard.browser().api(
                "POST", "/v1/sign-in-links", nil, token: DashboardHarness.tokens[.viewer] ?? "")
            let path = try #require(link.value(after: "\"path\":\""))
            let rest = before.tokens.filter { $0.role != .viewer }.map { ($0.name, $0.role, $0.token) }
            _ = dashboard.access.install(access(rest + (changed.map { [$0] } ?? [])))
            #expect(try await viewer.get("/").status == 303)
            #expect(try await viewer.post("/sign-out").status == 401)
            #expect(try await admin.get("/").status == 200, "sessions of other tokens go on")
            #expect(try await dashboard.browser().get(path).status == 401)
            _ = dashboard.access.install(before)
            #expect(try await viewer.get("/").status == 303)
            #expect(try await dashboard.browser(as: .viewer).get("/").status == 200)
        }
    }

    @Test("a link ends the session with the token that created it, and no later than after 12 hours")
    func lifetimes() {
        let now: Int64 = 1_000_000
        #expect(Session.signedIn(viewer, at: now).expiresAt == now + 43_200)
        let short = Identity(name: "v", role: .viewer, expiresAt: now + 60)
        #expect(Session.signedIn(short, at: now).expiresAt == now + 60)
        let long = Identity(name: "v", role: .viewer, expiresAt: .max)
        #expect(Session.signedIn(long, at: now).expiresAt == now + 43_200)
    }

    @Test("the list of ended sessions forgets those that have expired, and is bounded")
    func endedSessions() {
        let ended = EndedSessions()
        let first = Session(id: "first", user: nil, expiresAt: 100)
        ended.add(first, at: 1)
        #expect(ended.contains(first))
        for number in 0..<EndedSessions.maxSessions {
            ended.add(Session(id: "\(number)", user: nil, expiresAt: 1_000), at: 1)
        }
        #expect(!ended.contains(first))
        #expect(ended.contains(Session(id: "0", user: nil, expiresAt: 1_000)))
        ended.add(first, at: 1_000)
        #expect(!ended.contains(Session(id: "0", user: nil, expiresAt: 1_000)))
    }
}
