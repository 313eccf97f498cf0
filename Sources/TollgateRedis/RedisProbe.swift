import CHiredis
import Foundation

/// A blocking client of a Redis on a Unix socket, for starting and stopping servers only. It uses hiredis's own calls.
struct RedisProbe {
    enum Answer: Equatable {
        /// No process listens on the socket.
        case absent
        /// A process listens but does not reply, or closes the connection without a reply.
        case silent
        case reply(String)
    }

    let socketPath: String
    /// The timeout of connecting and of the reply, each.
    var timeout = timeval(tv_sec: 0, tv_usec: 250_000)

    /// Sends one command. The answer is the text of a status, an error or a string. Blocks.
    func ask(_ arguments: String...) -> Answer {
        guard let context = redisConnectUnixWithTimeout(socketPath, timeout) else { return .absent }
        defer { redisFree(context) }
        guard context.pointee.err == 0 else { return .absent }
        redisSetTimeout(context, timeout)
        guard let object = Self.command(arguments, on: context) else { return .silent }
        defer { freeReplyObject(object) }
        let reply = object.assumingMemoryBound(to: redisReply.self).pointee
        guard let text = reply.str else { return .reply("") }
        let bytes = UnsafeRawBufferPointer(start: text, count: Int(reply.len))
        return .reply(String(decoding: bytes, as: UTF8.self))
    }

    /// Sends one command without blocking the calling task.
    func askInBackground(_ command: String) async -> Answer {
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
