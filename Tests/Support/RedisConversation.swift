import Foundation
import NIOCore
import TollgateRedis

/// A blocking connection to a Redis on a Unix socket, which is faster than a redis-cli process. Replies are the text
/// that redis-cli prints if its output is not a terminal.
final class RedisConversation {
    private let descriptor: Int32
    private let reader: RedisReplyReader

    /// Connects. Throws the error of the system.
    ///
    /// - Parameter timeout: The maximum time to wait for a reply, in seconds.
    init(socketPath: String, timeout: Int) throws {
        reader = try RedisReplyReader()
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Self.failure("socket") }
        var limit = timeval(tv_sec: timeout, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: socketPath.utf8.prefix($0.count - 1)) }
        let isConnected = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        // `deinit` closes the socket, also after an error.
        guard isConnected else { throw Self.failure("connect") }
    }

    deinit {
        close(descriptor)
    }

    /// Sends a command and waits for its reply. An error reply is returned as text. Throws if there is no reply.
    func ask(_ arguments: [String]) throws -> String {
        try send(arguments)
        while true {
            if let reply = try reader.next() { return reply.text }
            try reader.feed(receive())
        }
    }

    private func send(_ arguments: [String]) throws {
        var bytes = Array("*\(arguments.count)\r\n".utf8)
        for argument in arguments { bytes += Array("$\(argument.utf8.count)\r\n\(argument)\r\n".utf8) }
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Self.failure("send") }
            sent += count
        }
    }

    private func receive() throws -> ByteBuffer {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = chunk.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
        guard count >= 0 else { throw Self.failure("recv") }
        guard count > 0 else { throw TestFailure("Redis closed the connection") }
        return ByteBuffer(bytes: chunk[..<count])
    }

    private static func failure(_ call: String) -> TestFailure {
        TestFailure("\(call): \(String(cString: strerror(errno)))")
    }
}

extension RedisReply {
    /// The text of redis-cli, without a line end except for errors.
    fileprivate var text: String {
        switch self {
        case .simple(let text): text
        case .error(let sentence): sentence + "\n"
        case .integer(let number): "\(number)"
        case .bulk(let bytes): String(buffer: bytes)
        case .null: ""
        case .array(let elements): elements.map(\.text).joined(separator: "\n")
        }
    }
}
