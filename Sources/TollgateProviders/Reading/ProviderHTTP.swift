import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import TollgateCore

/// Makes GET requests to a provider.
struct ProviderHTTP: Sendable {
    let http: HTTPClient
    let userAgent: String
    let bounds: ProviderBounds

    private struct Response: Sendable {
        var head: ErrorReply
        var body: [UInt8]
    }

    /// Returns the body of a response with status 200.
    ///
    /// - Parameters:
    ///   - path: The path and the query, which are appended to the address of the account.
    ///   - now: Unix seconds, for dates in Retry-After.
    func body(
        of path: String, for account: ProviderAccess, now: Int64
    ) async throws(ProviderFailure) -> [UInt8] {
        var request = HTTPClientRequest(url: account.baseURL + path)
        request.headers.add(name: "User-Agent", value: userAgent)
        request.headers.add(name: "Accept", value: account.kind.mediaType)
        for (name, value) in account.headers { request.headers.add(name: name, value: value) }
        let response = try await response(to: request).get()
        guard response.head.status == 200 else {
            var reply = response.head
            reply.body = response.body
            throw reply.failure(concealing: account.credential, now: now)
        }
        return response.body
    }

    /// Makes a request within the timeout. That of the HTTP client ends with the head of the response.
    private func response(to request: HTTPClientRequest) async -> Result<Response, ProviderFailure> {
        let deadline = ContinuousClock.now + bounds.timeout
        let result = await withTaskGroup(of: Result<Response, ProviderFailure>.self) { group in
            group.addTask { await receive(request) }
            group.addTask {
                try? await Task.sleep(until: deadline)
                return .failure(timedOut)
            }
            let first = await group.next()
            group.cancelAll()
            return first ?? .failure(timedOut)
        }
        return Task.isCancelled ? .failure(ProviderFailure(.cancelled)) : result
    }

    private var timedOut: ProviderFailure {
        ProviderFailure(.timedOut, message: "no response within \(bounds.timeout.components.seconds) s")
    }

    private func receive(_ request: HTTPClientRequest) async -> Result<Response, ProviderFailure> {
        do {
            let response = try await http.execute(request, timeout: TimeAmount(bounds.timeout))
            let head = ErrorReply(
                status: Int(response.status.code), retryAfter: response.headers.first(name: "retry-after"),
                rateLimitRemaining: response.headers.first(name: "x-ratelimit-remaining"),
                rateLimitReset: response.headers.first(name: "x-ratelimit-reset"))
            guard head.status == 200 else {
                // The status decides. The body is read for its sentence only.
                let body = (try? await body(of: response, max: ErrorReply.maxBodyBytes)) ?? nil
                return .success(Response(head: head, body: body ?? []))
            }
            guard let body = try await body(of: response, max: bounds.maxBodyBytes) else {
                return .failure(
                    ProviderFailure(.tooLarge, message: "more than \(bounds.maxBodyBytes) bytes in a response"))
            }
            return .success(Response(head: head, body: body))
        } catch {
            return .failure(ConnectionFailure.failure(error))
        }
    }

    /// Reads a body; nil if it has more bytes than permitted. Leaving the loop closes the connection.
    private func body(of response: HTTPClientResponse, max: Int) async throws -> [UInt8]? {
        if let length = response.headers.first(name: "content-length").flatMap({ Int($0) }), length > max { return nil }
        var bytes: [UInt8] = []
        for try await part in response.body {
            guard bytes.count + part.readableBytes <= max else { return nil }
            bytes.append(contentsOf: part.readableBytesView)
        }
        return bytes
    }
}

extension ProviderKind {
    fileprivate var mediaType: String { self == .github ? "application/vnd.github+json" : "application/json" }
}

extension ProviderAccess {
    /// The headers of a request. Nothing else contains the credential.
    fileprivate var headers: [(String, String)] {
        switch kind {
        case .anthropic: [("x-api-key", credential.text), ("anthropic-version", "2023-06-01")]
        case .openai, .openrouter: [("Authorization", "Bearer \(credential.text)")]
        case .github: [("Authorization", "Bearer \(credential.text)"), ("X-GitHub-Api-Version", "2022-11-28")]
        }
    }
}

/// Failures without a complete response. An error's own description is never used, because it may quote the URL.
enum ConnectionFailure {
    static func failure(_ error: any Error) -> ProviderFailure {
        switch error {
        case is CancellationError: ProviderFailure(.cancelled)
        case let error as HTTPClientError: failure(error)
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { failure($0.error) } ?? connection("unknown host name")
        case let error as IOError: connection(String(cString: strerror(error.errnoCode)).lowercased())
        case ChannelError.connectTimeout: ProviderFailure(.timedOut)
        case is ChannelError: connection("closed before the end of the response")
        case is HTTPParserError: connection("closed before the end of the response, or not HTTP")
        default:
            connection(isTLS(error) ? "TLS handshake failed, or the certificate is not trusted" : "\(type(of: error))")
        }
    }

    private static func connection(_ message: String) -> ProviderFailure {
        ProviderFailure(.connection, message: message)
    }

    private static func isTLS(_ error: any Error) -> Bool {
        let name = String(reflecting: type(of: error))
        return name.hasPrefix("NIOSSL.") || name.contains("TLS")
    }

    private static func failure(_ error: HTTPClientError) -> ProviderFailure {
        switch error {
        case .deadlineExceeded, .readTimeout, .writeTimeout, .connectTimeout, .tlsHandshakeTimeout,
            .getConnectionFromPoolTimeout:
            ProviderFailure(.timedOut)
        case .cancelled: ProviderFailure(.cancelled)
        case .remoteConnectionClosed: connection("closed before the end of the response")
        default: connection("HTTP failure (\(error.shortDescription))")
        }
    }
}
