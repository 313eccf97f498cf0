import Foundation
import Synchronization

/// A proxy in front of a real Redis that changes its version: the `7` of `redis_version:7…` becomes a `6`. An old Redis
/// cannot be installed beside the one that other tests need. It can also delay replies.
///
/// Usable from any thread; each connection has two threads of its own, which end with it.
package final class OldRedisProxy: Sendable {
    /// The Unix socket of the proxy.
    package let socketPath: String
    private let folder: TemporaryFolder
    private let upstream: String
    private let listener: Int32
    private let state = Mutex(State())

    private struct State {
        var isOld = false
        var delay = 0.0
        var connections: Set<Int32> = []
    }

    /// Starts the proxy. It changes nothing until ``setOld(_:)``.
    package init(to redis: TestRedis) throws {
        folder = try TemporaryFolder()
        socketPath = folder.path + "/proxy.sock"
        upstream = redis.socketPath
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let path = socketPath
        let isBound = Self.withAddress(path) { [listener] in bind(listener, $0, $1) } == 0
        guard isBound, listen(listener, 64) == 0 else {
            throw TestFailure("\(socketPath): \(String(cString: strerror(errno)))")
        }
        Thread.detachNewThread { [weak self, listener] in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { return }
                guard let self else {
                    close(client)
                    return
                }
                self.serve(client)
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    /// Sets whether the version is changed. Closes all connections, so that clients ask for the version again.
    package func setOld(_ isOld: Bool) {
        let connections = state.withLock { state in
            state.isOld = isOld
            return state.connections
        }
        for connection in connections { shutdown(connection, Int32(SHUT_RDWR)) }
    }

    /// Delays each part of the replies from now on.
    package func delay(seconds: Double) {
        state.withLock { $0.delay = seconds }
    }

    private func serve(_ client: Int32) {
        let server = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard Self.withAddress(upstream, { connect(server, $0, $1) }) == 0 else {
            close(client)
            close(server)
            return
        }
        state.withLock { $0.connections.formUnion([client, server]) }
        let left = Mutex(2)
        let end: @Sendable () -> Void = { [weak self] in
            shutdown(client, Int32(SHUT_RDWR))
            shutdown(server, Int32(SHUT_RDWR))
            let isLast = left.withLock { left in
                left -= 1
                return left == 0
            }
            guard isLast else { return }
            self?.state.withLock { $0.connections.subtract([client, server]) }
            close(client)
            close(server)
        }
        Self.relay(from: client, to: server, { $0 }, end)
        Self.relay(from: server, to: client, { [weak self] in self?.changed($0) ?? $0 }, end)
    }

    /// The bytes after the delay, and with an old version. The version arrives in one piece.
    private func changed(_ bytes: [UInt8]) -> [UInt8] {
        let (isOld, delay) = state.withLock { ($0.isOld, $0.delay) }
        if delay > 0 { Thread.sleep(forTimeInterval: delay) }
        guard isOld, let range = bytes.firstRange(of: Array("redis_version:7".utf8)) else {
            return bytes
        }
        var bytes = bytes
        bytes[range.upperBound - 1] = UInt8(ascii: "6")
        return bytes
    }

    private static func relay(
        from source: Int32, to target: Int32, _ change: @escaping @Sendable ([UInt8]) -> [UInt8],
        _ end: @escaping @Sendable () -> Void
    ) {
        Thread.detachNewThread {
            var buffer = [UInt8](repeating: 0, count: 256 << 10)
            while true {
                let count = recv(source, &buffer, buffer.count, 0)
                guard count > 0 else { break }
                let bytes = change(Array(buffer.prefix(count)))
                var sent = 0
                while sent < bytes.count {
                    let count = bytes[sent...].withUnsafeBytes {
                        send(target, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                    }
                    guard count > 0 else { break }
                    sent += count
                }
                guard sent == bytes.count else { break }
            }
            end()
        }
    }

    private static func withAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        return withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
