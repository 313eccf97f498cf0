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
        default: "\(type(of: error))"
        }
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
