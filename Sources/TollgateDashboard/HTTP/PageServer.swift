import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOFoundationCompat
import TollgateAdmin
import TollgatePolicy
import TollgateServer
import TollgateStores

/// Serves pages to browsers: checks sessions, roles and form tokens, renders pages, and adds security headers. Usable from
/// any task.
struct PageServer: Sendable {
    /// One thread, however many browsers are open.
    private static let executor = BackgroundExecutor(threads: 1)

    let admin: LocalAdmin
    let key = SessionKey()
    let cookies: Cookies
    let endedSessions = EndedSessions()
    let templates = Templates()
    let refusedSignIns: ClientFailures

    init(_ admin: LocalAdmin) {
        self.admin = admin
        cookies = Cookies(admin.address)
        refusedSignIns = ClientFailures(
            max: 1, message: "dashboard: sign-in refused",
            lastMessage: "dashboard: more sign-ins refused, not logged one by one", logger: admin.logger)
    }

    /// The header by which the script of a page marks its refreshes.
    static let refresh = HTTPField.Name("X-Tollgate-Refresh")!

    // MARK: - Routes

    /// Returns the route of a page that shows something.
    func get(_ path: String, _ handler: @escaping @Sendable (PageRequest) async throws -> PageReply) -> Route {
        Route(.get, path, .open) { request in
            await respond(to: request, .read) { session, identity throws(Problem) in
                let query = try Form(parsing: request.request.uri.query ?? "")
                return try await run(
                    handler,
                    PageRequest(request: request, session: session, identity: identity, query: query, form: Form()))
            }
        }
    }

    /// Returns the route of a form. A form needs the role of administrators, unless another permission is given.
    func post(
        _ path: String, for permission: Route.Permission = .administer,
        _ handler: @escaping @Sendable (PageRequest) async throws -> PageReply
    ) -> Route {
        Route(.post, path, .open, isChange: false) { request in
            await respond(to: request, permission) { session, identity throws(Problem) in
                let form = try await form(of: request, in: session)
                let query = try Form(parsing: request.request.uri.query ?? "")
                let posted = PageRequest(
                    request: request, session: session, identity: identity, query: query, form: form)
                do throws(Problem) {
                    return try await run(handler, posted).adding(posted.warnings.sentences)
                } catch {
                    return .page(.problem(error, entered: form))
                }
            }
        }
    }

    private func run(
        _ handler: @Sendable (PageRequest) async throws -> PageReply, _ request: PageRequest
    ) async throws(Problem) -> PageReply {
        do {
            return try await handler(request)
        } catch {
            let problem = Problem(error)
            if problem.code == .internal {
                let path = LogText.encoded(request.request.request.uri.path.prefix(512))
                admin.logger.error("dashboard: \(problem.detail)", metadata: ["path": "\(path)", "error": "\(error)"])
            }
            throw problem
        }
    }

    // MARK: - Requests

    /// Returns the session of a browser. Nil if it has none that this process has signed, or if it has ended, also because
    /// the token that signed in is no longer accepted.
    func session(of request: AdminRequest) -> Session? {
        // Other programs of the host can add cookies of the same name, but cannot sign them.
        let sealed = Cookies.values(cookies.session, in: request.request.headers)
        return sealed.lazy.compactMap { key.opened($0, Session.self, for: .session) }
            .first { session in
                session.expiresAt > Self.now && !endedSessions.contains(session)
                    && session.identity.map(admin.accepts) ?? true
            }
    }

    /// The time of this machine in Unix seconds.
    static var now: Int64 { Int64(Date.now.timeIntervalSince1970) }

    /// Reads a posted form. Throws a `Problem` unless it has the form token of the session.
    func form(of request: AdminRequest, in session: Session) async throws(Problem) -> Form {
        let type = request.request.headers[.contentType]?.prefix { $0 != ";" } ?? ""
        guard String(type).trimmed.lowercased() == "application/x-www-form-urlencoded" else {
            throw Problem(.unsupportedMediaType, "expected a form (application/x-www-form-urlencoded)")
        }
        let form: Form
        do {
            form = try Form(parsing: String(decoding: try await request.body(), as: UTF8.self))
        } catch {
            throw Problem(error)
        }
        guard key.isFormToken(form.raw("csrf") ?? "", of: session) else {
            throw Problem(.forbidden, "the form is not one of this session; go back, reload the page and try again")
        }
        return form
    }

    private func respond(
        to request: AdminRequest, _ permission: Route.Permission,
        _ body: (Session, Identity) async throws(Problem) -> PageReply
    ) async -> Response {
        await withTaskExecutorPreference(Self.executor) {
            await response(to: request, permission, body)
        }
    }

    private func response(
        to request: AdminRequest, _ permission: Route.Permission,
        _ body: (Session, Identity) async throws(Problem) -> PageReply
    ) async -> Response {
        guard let session = session(of: request), let identity = session.identity else {
            return signedOut(request)
        }
        do throws(Problem) {
            guard identity.role.allows(permission) else {
                let role = identity.role.rawValue
                throw Problem(.forbidden, "\(identity.name) has the role \(role), which does not allow this")
            }
            return await respond(try await body(session, identity), to: request, session, identity)
        } catch {
            var response = await respond(.page(.problem(error)), to: request, session, identity)
            response.headers.append(contentsOf: error.headers)
            return response
        }
    }

    /// Returns the page about a request that no route serves.
    func problemPage(_ problem: Problem, for request: AdminRequest) async -> Response {
        let isMissing = problem.code == .notFound
        let title = isMissing ? "Page not found" : problem.code.title
        let sentence = isMissing ? "There is no page \(request.request.uri.path.prefix(256))" : problem.detail
        let context: TemplateContext = ["heading": title, "sentences": [sentence]]
        let status = problem.code.status
        var response: Response
        if let session = session(of: request), let identity = session.identity {
            let page = Page("message", title: title, section: "", status: status.code, isLive: false, context)
            response = await respond(.page(page), to: request, session, identity)
        } else {
            let page = visitorPage("message", title: title, (["signIn": true] as TemplateContext).merging(context))
            response = html(page, status)
        }
        response.headers.append(contentsOf: problem.headers)
        return response
    }

    /// Redirects to the sign-in page. A form or a refresh gets 401, because a redirect would lose what the user sees.
    private func signedOut(_ request: AdminRequest) -> Response {
        let isRefresh = request.request.headers[Self.refresh] != nil
        guard request.request.method == .get || request.request.method == .head, !isRefresh else {
            let context: TemplateContext = [
                "heading": "Signed out",
                "text": "The session has ended, and nothing was sent. Sign in and enter it again.",
                "signIn": true,
            ]
            return html(visitorPage("message", title: "Signed out", context), .unauthorized)
        }
        let location = request.location
        let next = location == "/" ? "" : Markup.query([("next", location)])
        return redirect(to: "/sign-in\(next)")
    }

    private func respond(
        _ reply: PageReply, to request: AdminRequest, _ session: Session, _ identity: Identity
    ) async -> Response {
        switch reply {
        case .redirect(let path, let notice):
            var response = redirect(to: path)
            if let notice {
                response.headers.append(cookie(cookies.notice, key.sealed(notice, for: .notice), 60, request))
            }
            return response
        case .signedOut:
            endedSessions.add(session, at: Self.now)
            var response = redirect(to: "/sign-in")
            response.headers.append(cookie(cookies.session, "", 0, request))
            return response
        case .json(let value):
            let json = (try? JSONEncoder().encode(value)) ?? Data()
            return secured(
                Response(
                    status: .ok, headers: [.contentType: "application/json"],
                    body: .init(byteBuffer: ByteBuffer(data: json))))
        case .file(let name, let type, let text):
            var response = Response(
                status: .ok, headers: [.contentType: type], body: .init(byteBuffer: ByteBuffer(string: text)))
            response.headers[.contentDisposition] = "attachment; filename=\"\(Markup.fileName(name))\""
            return secured(response)
        case .page(let page):
            let sealed = Cookies.values(cookies.notice, in: request.request.headers)
            let notice = sealed.lazy.compactMap { key.opened($0, String.self, for: .notice) }.first
            let layout = await layout(of: page, request.request.method, session, identity, notice: notice)
            let text = templates.render(page.template, layout.merging(page.context))
            var response = html(text, .init(code: page.status))
            if !sealed.isEmpty, request.request.headers[Self.refresh] == nil {
                response.headers.append(cookie(cookies.notice, "", 0, request))
            }
            return response
        }
    }

    // MARK: - Responses

    func redirect(to path: String) -> Response {
        secured(Response(status: .seeOther, headers: [.location: path]))
    }

    /// Returns the field that sets a cookie, for a time in seconds. Zero deletes it.
    func cookie(_ name: String, _ value: String, _ maxAge: Int64, _ request: AdminRequest) -> HTTPField {
        HTTPField(
            name: .setCookie,
            value: Cookies.field(name, value, maxAge: maxAge, isSecure: request.isEncrypted))
    }

    func html(_ text: String, _ status: HTTPResponse.Status = .ok) -> Response {
        secured(
            Response(
                status: status, headers: [.contentType: "text/html; charset=utf-8"],
                body: .init(byteBuffer: ByteBuffer(string: text))))
    }

    private func secured(_ response: Response) -> Response {
        var response = response
        response.headers[.contentSecurityPolicy] =
            "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
        response.headers[.xFrameOptions] = "DENY"
        // Not `no-referrer`, with which browsers send `Origin: null` with forms.
        response.headers[.referrerPolicy] = "same-origin"
        response.headers[.crossOriginOpenerPolicy] = "same-origin"
        response.headers[.crossOriginResourcePolicy] = "same-origin"
        return response
    }
}

extension HTTPField.Name {
    fileprivate static let xFrameOptions = HTTPField.Name("X-Frame-Options")!
    fileprivate static let referrerPolicy = HTTPField.Name("Referrer-Policy")!
    fileprivate static let crossOriginOpenerPolicy = HTTPField.Name("Cross-Origin-Opener-Policy")!
}

extension PageReply {
    /// Returns the reply with the warnings of a change in its notice.
    fileprivate func adding(_ warnings: [String]) -> PageReply {
        guard case .redirect(let path, let notice) = self, !warnings.isEmpty else { return self }
        let sentences = [notice ?? ""] + warnings.map { "Warning: \($0)." }
        return .redirect(path, notice: sentences.joined(separator: " ").trimmed)
    }
}

extension Page {
    /// The page about an error, with what the user had entered.
    static func problem(_ problem: Problem, entered: Form = Form()) -> Page {
        var sentences = problem.errors.map { $0.field.isEmpty ? $0.message : "\($0.field): \($0.message)" }
        if sentences.isEmpty { sentences = [problem.detail] }
        // A form token of another session has nothing to do with the role.
        let heading = problem.code == .forbidden ? "Not allowed" : problem.code.title
        return message(heading, sentences, status: problem.code.status.code, entered)
    }

    /// A page of sentences, with what the user had entered.
    static func message(_ heading: String, _ sentences: [String], status: Int, _ entered: Form) -> Page {
        let hidden: Set = ["csrf", "seen", "version", "confirmation"]
        let fields = entered.pairs.filter { !hidden.contains($0.name) && !$0.value.isEmpty }
        return Page(
            "message", title: heading, section: "", status: status, isLive: false,
            [
                "heading": heading, "sentences": sentences, "hasEntered": !fields.isEmpty,
                "entered": fields.map { ["name": $0.name, "value": $0.value] as TemplateContext },
            ])
    }
}
