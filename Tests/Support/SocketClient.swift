import Dispatch
import Foundation

/// A client with a plain socket. Blocking calls run on their own threads.
package final class SocketClient: Sendable {
    /// The address of a server. Ports are those of 127.0.0.1.
    package enum Address: Sendable {
        case tcp(port: Int)
        case unix(path: String)
    }

    /// The error of a call that failed or timed out.
    package struct Failure: Error, CustomStringConvertible {
        /// The call that failed, and the reason.
        package let description: String
    }

    private let descriptor: Int32
    private let queue = DispatchQueue(label: "socket client")
    /// Separate from `queue`, so that a client can read while its sending is blocked.
    private let sendingQueue = DispatchQueue(label: "socket client, sending")
    private let buffer = Buffer()

    /// Accessed on `queue` only.
    private final class Buffer: @unchecked Sendable {
        var bytes: [UInt8] = []
    }

    /// Connects.
    ///
    /// - Parameter patience: The maximum time to wait for a read or write, in seconds.
    package init(_ address: Address, patience: Int = 20) throws {
        let family = if case .tcp = address { AF_INET } else { AF_UNIX }
        descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(description: "socket: \(String(cString: strerror(errno)))") }
        var timeout = timeval(tv_sec: patience, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        guard Self.connect(descriptor, to: address) == 0 else {
            // `deinit` closes the socket, also after an error.
            throw Failure(description: "connect: \(String(cString: strerror(errno)))")
        }
    }

    deinit {
        close(descriptor)
    }

    private static func connect(_ descriptor: Int32, to address: Address) -> Int32 {
        switch address {
        case .tcp(let port):
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = in_port_t(port).bigEndian
            name.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
            return withUnsafePointer(to: &name) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        case .unix(let path):
            var name = sockaddr_un()
            name.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
            return withUnsafePointer(to: &name) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }
    }

    /// Sends all bytes. Throws if the other side does not read them.
    package func send(_ bytes: some Sequence<UInt8> & Sendable) async throws {
        try await run(on: sendingQueue) { [descriptor] in
            let bytes = Array(bytes)
            var sent = 0
            while sent < bytes.count {
                let count = bytes[sent...].withUnsafeBytes {
                    Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { throw Failure(description: "send: \(String(cString: strerror(errno)))") }
                sent += count
            }
        }
    }

    /// Sends text as UTF-8, without a line end.
    package func send(_ text: String) async throws {
        try await send(Array(text.utf8))
    }

    /// Sends request lines, and reads as many reply lines.
    package func ask(_ lines: String...) async throws -> [String] {
        try await ask(lines)
    }

    /// Sends request lines in one piece, and reads as many reply lines; `(closed)` for each after the end of the
    /// connection.
    package func ask(_ lines: [String]) async throws -> [String] {
        try await send(lines.map { $0 + "\n" }.joined())
        var replies: [String] = []
        for _ in lines { replies.append(try await readLine() ?? "(closed)") }
        return replies
    }

    /// Reads the next line without its terminator; nil at the end of the connection.
    package func readLine() async throws -> String? {
        try await run(on: queue) { [self] in
            while true {
                if let end = buffer.bytes.firstIndex(of: UInt8(ascii: "\n")) {
                    var line = buffer.bytes[..<end]
                    if line.last == UInt8(ascii: "\r") { line.removeLast() }
                    let text = String(decoding: line, as: UTF8.self)
                    buffer.bytes.removeSubrange(...end)
                    return text
                }
                guard try receive() else { return nil }
            }
        }
    }

    /// Reads all bytes until the end of the connection.
    package func readToEnd() async throws -> [UInt8] {
        try await run(on: queue) { [self] in
            while try receive() {}
            defer { buffer.bytes = [] }
            return buffer.bytes
        }
    }

    /// Closes the sending side of the connection.
    package func finishSending() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Reads bytes into the buffer; false at the end of the connection. A reset counts as the end.
    private func receive() throws -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = chunk.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
        if count < 0, errno != ECONNRESET { throw Failure(description: "recv: \(String(cString: strerror(errno)))") }
        guard count > 0 else { return false }
        buffer.bytes.append(contentsOf: chunk[..<count])
        return true
    }

    private func run<Result: Sendable>(
        on queue: DispatchQueue, _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Swift.Result { try body() }) }
        }
    }
}
