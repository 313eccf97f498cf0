import Dispatch
import Foundation

/// A plain socket, as a client in any language would have it. Blocking calls run on threads of their own.
package final class SocketClient: Sendable {
    /// Where to connect; ports are those of 127.0.0.1.
    /// Where to connect to.
    package enum Address: Sendable {
        case tcp(port: Int)
        case unix(path: String)
    }

    /// What the other side did not do in time, or a call that failed.
    package struct Failure: Error, CustomStringConvertible {
        /// What failed and why.
        /// The sentence.
        package let description: String
    }

    private let descriptor: Int32
    private let queue = DispatchQueue(label: "socket client")
    /// Apart from `queue`, so that a client can read while its sending is held up.
    private let sendingQueue = DispatchQueue(label: "socket client, sending")
    private let buffer = Buffer()

    /// Touched on `queue` only.
    private final class Buffer: @unchecked Sendable {
        var bytes: [UInt8] = []
    }

    /// - Parameter patience: the most seconds that a read waits.
    package init(_ address: Address, patience: Int = 20) throws {
        let family = if case .tcp = address { AF_INET } else { AF_UNIX }
        descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(description: "socket: \(String(cString: strerror(errno)))") }
        var timeout = timeval(tv_sec: patience, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        guard Self.connect(descriptor, to: address) == 0 else {
            // `deinit` closes: it runs after an error too.
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

    /// Sends everything. Throws when the other side does not take it.
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

    /// Sends the text as it is, without an end of line added.
    /// Sends the text as UTF-8.
    package func send(_ text: String) async throws {
        try await send(Array(text.utf8))
    }

    /// Sends the request lines and reads as many reply lines.
    package func ask(_ lines: String...) async throws -> [String] {
        try await ask(lines)
    }

    /// Sends the request lines and reads as many reply lines.
    /// Sends the request lines in one go and reads as many reply lines; `(closed)` for each that does not come.
    package func ask(_ lines: [String]) async throws -> [String] {
        try await send(lines.map { $0 + "\n" }.joined())
        var replies: [String] = []
        for _ in lines { replies.append(try await readLine() ?? "(closed)") }
        return replies
    }

    /// The next line without its end; nil when the other side has closed.
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

    /// All that comes until the other side closes.
    package func readToEnd() async throws -> [UInt8] {
        try await run(on: queue) { [self] in
            while try receive() {}
            defer { buffer.bytes = [] }
            return buffer.bytes
        }
    }

    /// Says that nothing more will be sent.
    package func finishSending() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// False at the end. A reset counts as the end: the other side has closed.
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
