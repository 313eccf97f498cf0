import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import TollgateAdmin

/// The pages that sign users in and out: by a one-time link, or by a token.
struct SignInPages: Sendable {
    let pages: PageServer

    var routes: [Route] {
        [
            Route(.get, "/sign-in", .open) { show($0) },
            Route(.post, "/sign-in", .open, isChange: false) { await signIn($0) },
            pages.post("/sign-out", for: .anyRole) { _ in .signedOut },
        ]
    }

    /// Shows the form, or redeems the code of a link.
    private func show(_ request: AdminRequest) -> Response {
        do throws(Problem) {
            let query = try Form(parsing: request.request.uri.query ?? "")
            guard let code = query["code"] else { return form(request, next: query["next"]) }
            // HEAD comes from programs that look at links.
            guard request.request.method == .get else { return form(request, next: nil) }
            return signedIn(try pages.admin.signIn(code: code), next: "/")
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
            guard let token = fields["token"] else { throw .badRequest("enter a token") }
            return signedIn(try await pages.admin.signIn(token: token, from: request.address), next: next)
        } catch {
            return form(request, next: next, error)
        }
    }

    /// Starts the session of a user.
    ///
    /// The answer is a page that leads on, not a redirect: after a link in another site's page, browsers would follow a
    /// redirect without the new cookie, because it is `SameSite=Strict`.
    private func signedIn(_ identity: Identity, next: String?) -> Response {
        guard identity.role.allows(.read) else {
            let text =
                "\(identity.name) has the role \(identity.role.rawValue). The dashboard is for viewers and admins."
            let page = pages.visitorPage(
                "message", title: "Not allowed", ["heading": "Not allowed", "text": text, "signIn": true])
            return pages.html(page, .forbidden)
        }
        let session = Session.signedIn(identity, at: PageServer.now)
        let page = pages.visitorPage("signed-in", title: "Signed in", ["next": Self.local(next)])
        var response = pages.html(page)
        response.headers.append(sessionCookie(session))
        pages.admin.logger.info("signed in to the dashboard", metadata: ["who": "\(identity.name)"])
        return response
    }

    /// Shows the form, in the session of the visitor.
    private func form(_ request: AdminRequest, next: String?, _ problem: Problem? = nil) -> Response {
        let current = pages.session(of: request)
        let session = current ?? Session.visitor(at: PageServer.now)
        var context: TemplateContext = ["csrf": pages.key.formToken(of: session), "next": Self.local(next)]
        context["problem"] = problem?.detail
        let page = pages.visitorPage("sign-in", title: "Sign in", context)
        var response = pages.html(page, problem?.code.status ?? .ok)
        if let wait = problem?.headers[.retryAfter] { response.headers[.retryAfter] = wait }
        if current == nil { response.headers.append(sessionCookie(session)) }
        return response
    }

    private func sessionCookie(_ session: Session) -> HTTPField {
        pages.cookie(
            pages.cookies.session, pages.key.sealed(session, for: .session),
            maxAge: session.expiresAt - PageServer.now)
    }

    /// Returns the path to go to after signing in. Anything but a path of this host leads to the overview.
    static func local(_ path: String?) -> String {
        guard let path, path.hasPrefix("/"), !path.hasPrefix("//"), !path.hasPrefix("/sign-in"),
            path.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "\\") })
        else { return "/" }
        return path
    }
}
