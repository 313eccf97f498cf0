import CHiredis
import Foundation

/// A short talk with a Redis on a Unix socket, by hiredis's own blocking calls: for starting and ending servers, never
/// for the work of the sidecar.
struct RedisProbe {
    enum Answer: Equatable {
        /// Nobody listens.
        case absent
        /// Somebody listens but says nothing, or closes the connection without a word.
        case silent
        case said(String)
    }

    let socketPath: String
    /// For connecting and for the answer, each.
    var timeout = timeval(tv_sec: 0, tv_usec: 250_000)

    /// Sends one command. The answer is the text of a status, an error or a string.
    func ask(_ arguments: String...) -> Answer {
        guard let context = redisConnectUnixWithTimeout(socketPath, timeout) else { return .absent }
        defer { redisFree(context) }
        guard context.pointee.err == 0 else { return .absent }
        redisSetTimeout(context, timeout)
        guard let object = Self.command(arguments, on: context) else { return .silent }
        defer { freeReplyObject(object) }
        let reply = object.assumingMemoryBound(to: redisReply.self).pointee
        guard let text = reply.str else { return .said("") }
        let bytes = UnsafeRawBufferPointer(start: text, count: Int(reply.len))
        return .said(String(decoding: bytes, as: UTF8.self))
    }

    /// The same on a thread that nobody waits for.
    func asked(_ command: String) async -> Answer {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: ask(command)) }
        }
    }

    private static func command(
        _ arguments: [String], on context: UnsafeMutablePointer<redisContext>
    ) -> UnsafeMutableRawPointer? {
        let copies = arguments.map { strdup($0) }
        defer { copies.forEach { free($0) } }
        var pointers = copies.map { UnsafePointer($0) }
        let lengths = arguments.map { $0.utf8.count }
        return redisCommandArgv(context, CInt(arguments.count), &pointers, lengths)
    }
}
