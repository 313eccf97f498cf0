import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import TollgateAdmin
import TollgateServer

/// The pages that sign users in and out: by a one-time link, or by a token.
struct SignInPages: Sendable {
    let pages: PageServer

    var routes: [Route] {
        [
            Route(.get, "/sign-in", .open) { show($0) },
            Route(.post, "/sign-in", .open, isChange: false) { await signIn($0) },
            pages.post("/sign-out", for: .usage) { _ in .signedOut },
        ]
    }

    /// The ways in which users sign in.
    private enum Way: String {
        case link
        case token
    }

    /// Shows the form, or redeems the code of a link.
    private func show(_ request: AdminRequest) -> Response {
        do throws(Problem) {
            let query = try Form(parsing: request.request.uri.query ?? "")
            guard let code = query["code"] else { return form(request, next: query["next"]) }
            // HEAD comes from programs that look at links.
            guard request.request.method == .get else { return form(request, next: nil) }
            guard let identity = pages.admin.signIn(code: code) else {
                let sentence = "the link has been used or has expired; run tollgate dashboard again"
                throw refused(request, by: .link, Problem(.unauthenticated, sentence))
            }
            return signedIn(identity, by: .link, next: "/", request)
        } catch {
            return form(request, next: nil, error)
        }
    }

    private func signIn(_ request: AdminRequest) async -> Response {
        var next: String?
        do throws(Problem) {
            guard let session = pages.session(of: request) else {
                throw Problem(.forbidden, "the form has expired; try again")
            }
            let fields = try await pages.form(of: request, in: session)
            next = fields["next"]
            guard let token = fields["token"]?.trimmed, !token.isEmpty else { throw .badRequest("enter a token") }
            let identity = try await pages.admin.signIn(token: token, from: request.address)
            return signedIn(identity, by: .token, next: next, request)
        } catch {
            return form(request, next: next, error)
        }
    }

    /// Starts the session of a user.
    ///
    /// The answer is a page that leads on, not a redirect: after a link in another site's page, browsers would follow a
    /// redirect without the new cookie, because it is `SameSite=Strict`.
    private func signedIn(_ identity: Identity, by way: Way, next: String?, _ request: AdminRequest) -> Response {
        guard identity.role.allows(.read) else {
            _ = refused(request, by: way, who: identity.name, Problem(.forbidden, "the role may not use the dashboard"))
            let text =
                "\(identity.name) has the role \(identity.role.rawValue). The dashboard is for viewers and admins."
            let page = pages.visitorPage(
                "message", title: "Not allowed", ["heading": "Not allowed", "text": text, "signIn": true])
            return pages.html(page, .forbidden)
        }
        if let replaced = pages.session(of: request), replaced.user != nil {
            pages.endedSessions.add(replaced, at: PageServer.now)
        }
        let session = Session.signedIn(identity, at: PageServer.now)
        let page = pages.visitorPage("signed-in", title: "Signed in", ["next": Self.local(next)])
        var response = pages.html(page)
        response.headers.append(sessionCookie(session, request))
        pages.admin.logger.info(
            "signed in to the dashboard",
            metadata: ["who": "\(identity.name)", "from": "\(request.address)", "by": "\(way.rawValue)"])
        return response
    }

    /// Logs a sign-in that is refused, and returns its problem. Wrong tokens are logged as those of the API are.
    private func refused(
        _ request: AdminRequest, by way: Way, who: String = "-", _ problem: Problem
    ) -> Problem {
        _ = pages.refusedSignIns.note(
            from: request.address,
            metadata: ["who": "\(who)", "by": "\(way.rawValue)", "reason": "\(problem.code.rawValue)"])
        return problem
    }

    /// Shows the form, in the session of the visitor.
    private func form(_ request: AdminRequest, next: String?, _ problem: Problem? = nil) -> Response {
        let current = pages.session(of: request)
        let session = current ?? Session.visitor(at: PageServer.now)
        var context: TemplateContext = ["csrf": pages.key.formToken(of: session), "next": Self.local(next)]
        context["problem"] = problem?.detail
        let page = pages.visitorPage("sign-in", title: "Sign in", context)
        var response = pages.html(page, problem?.code.status ?? .ok)
        if let problem { response.headers.append(contentsOf: problem.headers) }
        if current == nil { response.headers.append(sessionCookie(session, request)) }
        return response
    }

    private func sessionCookie(_ session: Session, _ request: AdminRequest) -> HTTPField {
        pages.cookie(
            pages.cookies.session, pages.key.sealed(session, for: .session), session.expiresAt - PageServer.now,
            request)
    }

    /// Returns the path to go to after signing in. Anything but a path of this host leads to the overview.
    static func local(_ path: String?) -> String {
        guard let path, path.hasPrefix("/"), !path.hasPrefix("//"), !path.hasPrefix("/sign-in"),
            path.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "\\") })
        else { return "/" }
        return path
    }
}
