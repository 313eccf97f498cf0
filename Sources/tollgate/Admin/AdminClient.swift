import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import TollgateAdmin

/// An HTTP client of the admin API, with a token. The owner must shut it down.
struct AdminClient {
    private static let maxReplySize = 16 << 20
    /// The time limit for connecting.
    private static let connecting = TimeAmount.seconds(10)

    let address: AdminAddress
    private let token: AdminClientToken
    private let patience: Duration
    private let http: HTTPClient

    /// Creates a client.
    ///
    /// - Parameter patience: The timeout for the start of a response, and for each part of it.
    init(_ address: AdminAddress, token: AdminClientToken, patience: Duration) {
        self.address = address
        self.token = token
        self.patience = patience
        var configuration = HTTPClient.Configuration()
        // A redirect would send the token to another host.
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(connect: Self.connecting, read: TimeAmount(patience))
        configuration.httpVersion = .http1Only
        // A sidecar that does not run is reported at once.
        configuration.connectionPool.retryConnectionEstablishment = false
        http = HTTPClient(configuration: configuration)
    }

    func shutdown() async {
        try? await http.shutdown()
    }

    /// Sends a request. Throws an `AdminFailure` unless the response is a success.
    func send(_ request: AdminRequest) async throws -> AdminReply {
        try checked(await exchange(request))
    }

    /// Replaces or deletes a resource: reads its version, then sends it in If-Match. If the resource changes in
    /// between, the API responds with an error.
    func replace(_ request: AdminRequest) async throws -> AdminReply {
        let reply = try await exchange(request)
        guard reply.status == 428, let current = try? reply.value()["current"].string else { return try checked(reply) }
        return try await send(request.matching(current))
    }

    private func checked(_ reply: AdminReply) throws -> AdminReply {
        guard reply.isSuccess else { throw AdminFailure(reply, from: address, token: token) }
        return reply
    }

    /// Sends a request. Returns nil if the resource does not exist.
    func sendIfPresent(_ request: AdminRequest) async throws -> AdminReply? {
        do {
            return try await send(request)
        } catch let failure as AdminFailure where failure.isNotFound {
            return nil
        }
    }

    /// Deletes a resource at any version. Returns nil if there was none.
    func deleteIfPresent(_ request: AdminRequest) async throws -> AdminReply? {
        do {
            return try await replace(request)
        } catch let failure as AdminFailure where failure.isNotFound {
            return nil
        }
    }

    private func exchange(_ request: AdminRequest) async throws -> AdminReply {
        var message = HTTPClientRequest(url: address.base + request.path)
        message.method = HTTPMethod(rawValue: request.method.rawValue)
        message.headers.add(name: "Authorization", value: "Bearer \(token.text)")
        if let condition = request.condition { message.headers.add(name: condition.name, value: condition.value) }
        if let body = request.body {
            message.headers.add(name: "Content-Type", value: "application/json")
            message.body = .bytes(ByteBuffer(string: body))
        }
        do {
            let response = try await http.execute(message, timeout: TimeAmount(patience))
            let body = try await response.body.collect(upTo: Self.maxReplySize)
            return AdminReply(
                status: response.status.code, etag: response.headers.first(name: "ETag"),
                body: Data(body.readableBytesView))
        } catch is NIOTooManyBytesError {
            throw AdminFailure(["\(address.base): the response exceeds 16 MiB"])
        } catch {
            throw failure(of: error)
        }
    }

    private func failure(of error: any Error) -> AdminFailure {
        if address.isEncrypted, let reason = TLSFailure.reason(of: error) {
            guard reason != .plainHTTP else {
                return AdminFailure(["\(address.base): speaks plain HTTP; write http://\(address.authority)"])
            }
            return AdminFailure(["\(address.base): request failed: TLS: \(reason.words)"])
        }
        return AdminFailure(["\(address.base): request failed: \(reason(of: error))"])
    }

    private func reason(of error: any Error) -> String {
        if let error = Self.systemError(in: error) {
            let sentence = String(cString: strerror(error.errnoCode))
            let isAbsent = [ECONNREFUSED, ENOENT].contains(error.errnoCode)
            return isAbsent ? "\(sentence). \(Self.isItRunning)" : sentence
        }
        return switch error as? HTTPClientError {
        case .deadlineExceeded, .readTimeout: "no response within \(patience.components.seconds) seconds"
        case .connectTimeout: "no connection within \(Self.connecting.nanoseconds / 1_000_000_000) seconds"
        case .remoteConnectionClosed: "the connection was closed. \(Self.wrongPort)"
        default: error is HTTPParserError ? "the response is not HTTP. \(Self.wrongPort)" : "\(error)"
        }
    }

    /// The error of the system in a failed connection. A host name may have several addresses, of which the first counts.
    private static func systemError(in error: any Error) -> IOError? {
        error as? IOError ?? (error as? NIOConnectionError)?.connectionErrors.first?.error as? IOError
    }

    private static let isItRunning = "Is the sidecar running? See tollgate serve and its --admin"
    private static let wrongPort =
        "Is this the line port? The admin API has its own, 7380 by default: see --admin of tollgate serve"
}

/// The reason why a connection with TLS failed, without the file names that BoringSSL adds to it.
private enum TLSFailure: Equatable {
    case plainHTTP
    case other(String)

    var words: String {
        switch self {
        case .plainHTTP: "the response is not encrypted"
        case .other(let words): words
        }
    }

    /// Returns the reason; nil for an error that is not one of TLS.
    static func reason(of error: any Error) -> TLSFailure? {
        let text = "\(error)"
        guard let start = text.firstRange(of: "OPENSSL_internal:") else { return nil }
        let name = text[start.upperBound...].prefix { $0.isUppercase || $0.isNumber || $0 == "_" }
        // What BoringSSL makes of an HTTP response, which has no TLS header.
        if ["WRONG_VERSION_NUMBER", "HTTP_REQUEST"].contains(name) { return .plainHTTP }
        return .other(name.lowercased().replacing("_", with: " "))
    }
}

extension AdminClient {
    /// The maximum page size of the API.
    private static let page = 1_000

    /// Requests a list page by page, up to a number of items.
    ///
    /// - Parameter request: Creates the request for a page of a size, after a cursor.
    /// - Returns: The last response. If there were several pages, it contains the items of all of them.
    func pages(
        atMost limit: Int, _ request: (_ count: Int, _ cursor: String?) -> AdminRequest
    ) async throws -> AdminReply {
        var reply = try await send(request(min(limit, Self.page), nil))
        var answer = try reply.value()
        var items = answer["items"].array
        var isOnePage = true
        while items.count < limit, let next = answer["next"].string {
            isOnePage = false
            answer = try await send(request(min(limit - items.count, Self.page), next)).value()
            items += answer["items"].array
        }
        if !isOnePage {
            let whole = JSONValue.object(["items": .array(items), "next": answer["next"]])
            reply.body = Data(whole.json.utf8)
        }
        return reply
    }
}
