import HTTPTypes
import Hummingbird
import HummingbirdCore
import TollgateAdmin

/// A request for a page by a user who is signed in.
struct PageRequest: Sendable {
    let request: AdminRequest
    /// The session of the browser.
    let session: Session
    let identity: Identity
    /// The query of the URL.
    let query: Form
    /// The fields of the posted form. Empty for GET.
    let form: Form
    /// The warnings of the API about the changes of this request.
    let warnings = CallWarnings()

    /// The user, for calls of the API.
    var caller: LocalAdmin.Caller { LocalAdmin.Caller(identity, from: request.address, warnings: warnings) }

    /// Whether the user may change settings.
    var isAdmin: Bool { identity.role.allows(.administer) }

    /// Returns the page that shows a failed form. If it cannot be rendered, such as while Redis is away, returns a page
    /// with the sentences of the failure and what was entered, because a change of unknown outcome may have been made.
    func reply(about failure: FormFailure, _ page: () async throws -> Page) async -> PageReply {
        let sentences = failure.errors.sorted { $0.key < $1.key }.map(\.value)
        return await reply(about: sentences, status: failure.status, page)
    }

    /// Returns the page that shows sentences about a failed form, or a page with only them and what was entered.
    func reply(about sentences: [String], status: Int, _ page: () async throws -> Page) async -> PageReply {
        if let page = try? await page() { return .page(page) }
        return .page(.message("The form was not accepted", sentences, status: status, form))
    }

    /// The path and query of the URL.
    var location: String { request.location }
}

extension AdminRequest {
    /// The path and query of the URL, without the host that a proxy may put in front.
    var location: String { request.uri.path + (request.uri.query.map { "?\($0)" } ?? "") }

    /// Whether the browser uses HTTPS, by way of a proxy.
    var isEncrypted: Bool {
        request.headers[.origin]?.hasPrefix("https://") == true || request.headers[.forwardedProtocol] == "https"
    }
}

extension HTTPField.Name {
    fileprivate static let forwardedProtocol = HTTPField.Name("X-Forwarded-Proto")!
}

/// The answer to a request for a page.
enum PageReply {
    /// A page.
    case page(Page)
    /// A redirect (303) to a path of the dashboard, whose page shows the notice once.
    case redirect(String, notice: String? = nil)
    /// The end of the session, and a redirect to the page that signs in.
    case signedOut
    /// JSON for the script of the pages.
    case json(any Encodable & Sendable)
    /// A file to save.
    case file(name: String, type: String, text: String)
}

/// A page to render.
struct Page {
    /// The name of the template, which is also the key of the page in the navigation unless `section` says otherwise.
    var template: String
    /// The title, before the name of the product.
    var title: String
    /// The key of the page in the navigation.
    var section: String
    /// The HTTP status: 200, or that of a form with an error.
    var status = 200
    /// Whether the script of the page refreshes it periodically.
    var isLive = true
    var context: TemplateContext

    init(
        _ template: String, title: String, section: String? = nil, status: Int = 200, isLive: Bool = true,
        _ context: TemplateContext
    ) {
        self.template = template
        self.title = title
        self.section = section ?? template
        self.status = status
        self.isLive = isLive
        self.context = context
    }
}
