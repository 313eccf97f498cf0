import Foundation
import NIOCore
import TollgateRedis

/// A connection to a Redis on a Unix socket that blocks for each reply: what a test asks on the side, without the cost of a
/// redis-cli process. Replies are given as the text that redis-cli prints when its output is not a terminal.
final class RedisConversation {
    private let descriptor: Int32
    private let reader: RedisReplyReader

    /// Connects. `timeout`: the most seconds that a reply is waited for. Throws what the system says against it.
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
        // `deinit` closes: it runs after an error too.
        guard isConnected else { throw Self.failure("connect") }
    }

    deinit {
        close(descriptor)
    }

    /// Sends a command and waits for its reply. Throws where none comes; an error reply is text like any other.
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
    /// Without a line's end, but for that of an error.
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
