import AsyncHTTPClient
import Foundation
import NIOCore
import NIOPosix

/// Why no answer came, in a few words. Never an error's own description, which may quote the URL.
enum FailureText {
    /// - Parameter limit: the most that an attempt takes.
    static func sentence(_ error: any Error, limit: Duration) -> String {
        switch error {
        case let error as IOError: String(cString: strerror(error.errnoCode)).lowercased()
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first {
                sentence(first.error, limit: limit)
            } else {
                "the host's name is not known"
            }
        case let error as HTTPClientError: sentence(error, limit)
        case is ChannelError: "the connection broke"
        case is CancellationError: "broken off"
        default: tls(error) ?? "\(type(of: error))"
        }
    }

    /// Of what goes wrong before there is a secure connection. The library tells these apart in its descriptions alone.
    private static func tls(_ error: any Error) -> String? {
        let type = String(reflecting: Swift.type(of: error))
        guard type.hasPrefix("NIOSSL.") || type.contains("TLS") else { return nil }
        let text = String(reflecting: error) + "\(error)"
        if text.contains("CERTIFICATE_VERIFY_FAILED") {
            return "the certificate is not trusted: signed by nobody known here, or expired"
        }
        if text.contains("ailedToValidateHostname") || text.contains("HostnameImpossibleToMatch") {
            return "the certificate is for another name"
        }
        if text.contains("WRONG_VERSION_NUMBER") {
            return "no TLS is spoken there; is it http?"
        }
        return "no secure connection came about"
    }

    private static func sentence(_ error: HTTPClientError, _ limit: Duration) -> String {
        switch error {
        case .deadlineExceeded, .readTimeout, .writeTimeout, .connectTimeout, .tlsHandshakeTimeout,
            .getConnectionFromPoolTimeout:
            "no answer within \(limit.milliseconds) ms"
        case .remoteConnectionClosed: "the connection broke"
        case .cancelled: "broken off"
        default: "not possible over HTTP (\(error.shortDescription))"
        }
    }
}
