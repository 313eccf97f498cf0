import Foundation
import Synchronization
import TollgateTestSupport

/// Clients that send as many requests as they can, from one thread, and only count the replies.
///
/// Usable from any thread. Ends with ``stop()`` or when it is deallocated.
final class Flood: Sendable {
    /// The behaviour of the clients.
    struct Shape: Sendable {
        var connections: Int
        /// The requests of one connection, repeated.
        var lines: @Sendable (_ connection: Int) -> String
        /// Whether each of `lines` waits for the previous reply.
        var waitsForReplies = false
    }

    /// The counts of replies so far.
    struct Tally: Sendable {
        var replies = 0
        /// Decisions made without Redis.
        var degraded = 0
        /// `ERR` replies except `ERR unauthenticated`.
        var errors = 0
        var busy = 0
        /// Connections closed by the sidecar.
        var closed = 0
    }

    private let state = Mutex((tally: Tally(), isStopping: false))
    private let done = DispatchSemaphore(value: 0)

    init(_ shape: Shape, on socketPath: String) throws {
        let clients = try (0..<shape.connections).map {
            try FloodClient(
                socketPath: socketPath, block: Array(shape.lines($0).utf8), waitsForReplies: shape.waitsForReplies)
        }
        Thread.detachNewThread { [self] in
            run(clients)
            done.signal()
        }
    }

    private func run(_ clients: [FloodClient]) {
        var polls = clients.map { pollfd(fd: $0.descriptor, events: 0, revents: 0) }
        while !state.withLock({ $0.isStopping }) {
            for index in clients.indices { polls[index].events = clients[index].events }
            guard poll(&polls, nfds_t(polls.count), 20) > 0 else { continue }
            var tally = Tally()
            for index in clients.indices where polls[index].revents != 0 {
                clients[index].proceed(polls[index].revents, &tally)
                if clients[index].isClosed { polls[index].fd = -1 }
            }
            state.withLock { $0.tally += tally }
        }
    }

    var tally: Tally { state.withLock { $0.tally } }

    /// Ends the flood, and returns when its connections are closed.
    func stop() async -> Tally {
        state.withLock { $0.isStopping = true }
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { [done] in
                done.wait()
                continuation.resume()
            }
        }
        return tally
    }

    deinit { state.withLock { $0.isStopping = true } }
}

extension Flood.Tally {
    static func += (lhs: inout Self, rhs: Self) {
        lhs.replies += rhs.replies
        lhs.degraded += rhs.degraded
        lhs.errors += rhs.errors
        lhs.busy += rhs.busy
        lhs.closed += rhs.closed
    }
}

/// One connection of a flood. Owned by the flood's thread once it runs.
private final class FloodClient: @unchecked Sendable {
    let descriptor: Int32
    private(set) var isClosed = false
    private let block: [UInt8]
    private let linesInBlock: Int
    private let waitsForReplies: Bool
    private var sent = 0
    private var outstanding = 0
    /// The bytes read, behind the end of the previous read: words may span both.
    private var buffer = [UInt8](repeating: 0, count: 65_536 + 32)
    private var tail = 0

    init(socketPath: String, block: [UInt8], waitsForReplies: Bool) throws {
        self.block = block
        self.waitsForReplies = waitsForReplies
        linesInBlock = block.count { $0 == UInt8(ascii: "\n") }
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: socketPath.utf8.prefix($0.count - 1)) }
        let status = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard status == 0 else { throw TestFailure("a flood cannot connect: \(String(cString: strerror(errno)))") }
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    deinit { close(descriptor) }

    var events: Int16 {
        let maySend = !waitsForReplies || outstanding == 0 || sent > 0
        return Int16(POLLIN) | (maySend ? Int16(POLLOUT) : 0)
    }

    func proceed(_ events: Int16, _ tally: inout Flood.Tally) {
        if events & Int16(POLLIN | POLLHUP | POLLERR) != 0 { read(&tally) }
        if !isClosed, events & Int16(POLLOUT) != 0 { write() }
    }

    private func write() {
        let count = block[sent...].withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        guard count > 0 else { return }
        if sent == 0 { outstanding += linesInBlock }
        sent = (sent + count) % block.count
    }

    private func read(_ tally: inout Flood.Tally) {
        let tail = tail
        let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress! + tail, 65_536, 0) }
        guard count > 0 else {
            guard count == 0 || errno != EAGAIN else { return }
            isClosed = true
            return tally.closed += 1
        }
        let lines = occurrences(of: "\n", from: tail, count: count)
        outstanding -= lines
        tally.replies += lines
        tally.degraded += occurrences(of: "degraded=1", from: 0, count: tail + count)
        tally.busy += occurrences(of: "ERR busy", from: 0, count: tail + count)
        tally.errors +=
            occurrences(of: "ERR ", from: 0, count: tail + count)
            - occurrences(of: "ERR unauthenticated", from: 0, count: tail + count)
        // Only the bytes behind the last line end are kept, so that no reply counts twice.
        let end = tail + count
        let lineStart = buffer[..<end].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let kept = min(end - lineStart, 24)
        for index in 0..<kept { buffer[index] = buffer[end - kept + index] }
        self.tail = end - lineStart > 24 ? 0 : kept
    }

    private func occurrences(of text: StaticString, from start: Int, count: Int) -> Int {
        buffer.withUnsafeBytes { bytes in
            var found = 0
            var position = bytes.baseAddress! + start
            let end = position + count
            let length = text.utf8CodeUnitCount
            while end - position >= length, let hit = memchr(position, CInt(text.utf8Start[0]), end - position) {
                position = UnsafeRawPointer(hit)
                if end - position >= length, memcmp(position, text.utf8Start, length) == 0 {
                    found += 1
                    position += length
                } else {
                    position += 1
                }
            }
            return found
        }
    }
}
