import AsyncHTTPClient
import Foundation
import NIOCore
import NIOPosix

/// Short descriptions of failed requests. An error's own description is never used, because it may quote the URL.
enum FailureText {
    /// - Parameter limit: The timeout of an attempt.
    static func sentence(_ error: any Error, limit: Duration) -> String {
        switch error {
        case let error as IOError: String(cString: strerror(error.errnoCode)).lowercased()
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first {
                sentence(first.error, limit: limit)
            } else {
                "unknown host name"
            }
        case let error as HTTPClientError: sentence(error, limit)
        case is ChannelError: "connection closed without a response"
        case is CancellationError: "aborted"
        default: tls(error) ?? "\(type(of: error))"
        }
    }

    /// Describes a failure before there is a secure connection. The library distinguishes them in its descriptions
    /// only.
    private static func tls(_ error: any Error) -> String? {
        let type = String(reflecting: Swift.type(of: error))
        guard type.hasPrefix("NIOSSL.") || type.contains("TLS") else { return nil }
        let text = String(reflecting: error) + "\(error)"
        if text.contains("CERTIFICATE_VERIFY_FAILED") {
            return "the certificate is not trusted: unknown issuer, or expired"
        }
        if text.contains("ailedToValidateHostname") || text.contains("HostnameImpossibleToMatch") {
            return "the certificate is for another host name"
        }
        if text.contains("WRONG_VERSION_NUMBER") {
            return "the server does not use TLS; is the scheme http?"
        }
        return "TLS handshake failed"
    }

    private static func sentence(_ error: HTTPClientError, _ limit: Duration) -> String {
        switch error {
        case .deadlineExceeded, .readTimeout, .writeTimeout, .connectTimeout, .tlsHandshakeTimeout,
            .getConnectionFromPoolTimeout:
            "no response within \(limit.milliseconds) ms"
        case .remoteConnectionClosed: "connection closed without a response"
        case .cancelled: "aborted"
        default: "HTTP failure (\(error.shortDescription))"
        }
    }
}
