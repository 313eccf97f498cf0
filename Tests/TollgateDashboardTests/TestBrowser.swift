import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Synchronization
import Testing
import TollgateAdmin
import TollgateServer
import TollgateTestSupport

@testable import TollgateDashboard

/// A response, as a browser receives it.
struct TestPage {
    var status: Int
    var headers: [(name: String, value: String)]
    var text: String

    subscript(_ name: String) -> String? { headers.first { $0.name == name.lowercased() }?.value }

    /// The path of a redirect.
    var location: String? { self["location"] }

    /// The form token of the page.
    var csrf: String? { value(after: "name=\"csrf\" value=\"") }

    /// Returns the text between some text and the next quote, with the escaped characters restored.
    func value(after start: String) -> String? {
        guard let range = text.range(of: start) else { return nil }
        return Self.unescaped(String(text[range.upperBound...].prefix { $0 != "\"" }))
    }

    /// Whether the text is in the page, escaped.
    func shows(_ text: String) -> Bool { self.text.contains(Markup.escaped(text)) }

    /// The text without tags, with single spaces.
    var words: String {
        let bare = text.replacing(/<[^>]*>/, with: " ")
        return Self.unescaped(bare.split { $0 == " " || $0 == "\n" || $0 == "\r\n" }.joined(separator: " "))
    }

    private static func unescaped(_ text: String) -> String {
        text.replacing("&lt;", with: "<").replacing("&gt;", with: ">").replacing("&quot;", with: "\"")
            .replacing("&#39;", with: "'").replacing("&amp;", with: "&")
    }
}

/// A browser without scripts: it has cookies, sends forms, and leaves redirects to the test.
final class TestBrowser: Sendable {
    private let base: String
    private let cookies = Mutex<[String: String]>([:])
    private let token = Mutex<String?>(nil)

    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration.singletonConfiguration
        configuration.redirectConfiguration = .disallow
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    init(_ address: ListenAddress) {
        guard case .tcp(let host, let port) = address else { fatalError("\(address): expected a port") }
        base = "http://\(host):\(port)"
    }

    /// The form token of the session.
    var csrf: String { token.withLock { $0 ?? "" } }

    /// Signs in with the form, and remembers the form token of the session.
    func signIn(token secret: String) async throws {
        let form = try await get("/sign-in")
        let page = try await send(
            "POST", "/sign-in", [("csrf", try #require(form.csrf)), ("token", secret), ("next", "/tiers")])
        guard page.status == 200 else { throw TestFailure("not signed in: \(page.status) \(page.text)") }
        let first = try await get("/")
        token.withLock { $0 = first.csrf }
    }

    func get(_ path: String, headers: [String: String] = [:]) async throws -> TestPage {
        try await send("GET", path, headers: headers)
    }

    /// Sends a form with the form token of the session.
    func post(_ path: String, _ fields: [(String, String)] = []) async throws -> TestPage {
        try await send("POST", path, [("csrf", csrf)] + fields)
    }

    /// Sends a form, expects a redirect, and returns the page to which it leads.
    func submit(
        _ path: String, _ fields: [(String, String)] = [], sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> TestPage {
        let answer = try await post(path, fields)
        #expect(answer.status == 303, "\(path): \(answer.words)", sourceLocation: sourceLocation)
        return try await get(answer.location ?? "/")
    }

    /// Sends a request with exactly these fields.
    func send(
        _ method: String, _ path: String, _ fields: [(String, String)]? = nil, headers: [String: String] = [:]
    ) async throws -> TestPage {
        let body = fields?.map { "\(Markup.encoded($0.0))=\(Markup.encoded($0.1))" }.joined(separator: "&")
        var headers = headers
        if body != nil { headers["Content-Type"] = "application/x-www-form-urlencoded" }
        let jar = cookies.withLock { $0 }
        if !jar.isEmpty { headers["Cookie"] = jar.map { "\($0.key)=\($0.value)" }.joined(separator: "; ") }
        return try await request(method, path, body, headers)
    }

    /// Sends a request to the API.
    func api(
        _ method: String, _ path: String, _ body: String?, token: String, headers: [String: String] = [:]
    ) async throws -> TestPage {
        var headers = headers
        headers["Authorization"] = "Bearer \(token)"
        if body != nil { headers["Content-Type"] = "application/json" }
        return try await request(method, path, body, headers)
    }

    private func request(
        _ method: String, _ path: String, _ body: String?, _ headers: [String: String]
    ) async throws -> TestPage {
        var request = HTTPClientRequest(url: base + path)
        request.method = .RAW(value: method)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let response = try await Self.client.execute(request, timeout: .seconds(60))
        let text = String(buffer: try await response.body.collect(upTo: 1 << 24))
        keep(response.headers[canonicalForm: "set-cookie"])
        return TestPage(
            status: Int(response.status.code), headers: response.headers.map { ($0.name.lowercased(), $0.value) },
            text: text)
    }

    private func keep(_ fields: [Substring]) {
        cookies.withLock { cookies in
            for field in fields {
                let pair = field.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1)
                guard let name = pair.first else { continue }
                // An empty value deletes the cookie.
                cookies[String(name)] = pair.count > 1 ? String(pair[1]) : nil
            }
        }
    }
}

extension TestPage {
    /// Records an issue if a hostile text is in the page as markup.
    func expectNoMarkup(of hostile: String, sourceLocation: SourceLocation = #_sourceLocation) {
        for start in ["<img src=x", "<script>alert", "\"\u{301} onmouseover", "'><script"] {
            #expect(!text.utf8.contains(start.utf8), "\(start)", sourceLocation: sourceLocation)
        }
        // Two scripts would be one of the text.
        #expect(text.matches(of: /<script/).count == 1, sourceLocation: sourceLocation)
    }
}
