import Foundation
import NIOCore
import NIOPosix

/// Error sentences for failed and lost connections. Pure.
enum ConnectionProblem {
    static func words(for error: any Error) -> String {
        switch error {
        case let error as IOError: String(cString: strerror(error.errnoCode)).lowercased()
        case let error as NIOConnectionError: words(for: error)
        case ChannelError.connectTimeout: "connection timed out"
        case ChannelError.ioOnClosedChannel, ChannelError.eof: "the sidecar closed the connection"
        default: "\(error)"
        }
    }

    /// Describes the first attempt if a host name has several addresses.
    private static func words(for error: NIOConnectionError) -> String {
        if let attempt = error.connectionErrors.first { return words(for: attempt.error) }
        return error.dnsAError == nil && error.dnsAAAAError == nil ? "\(error)" : "host name not found"
    }
}
