import Foundation
import Logging
import NIOCore
import NIOPosix
import TollgateRedis

/// A connection to Redis for reports. It sends the commands that it is given, and nothing else but the handshake: no
/// library is loaded, and no layout is noted.
///
/// Usable from any task. Each call is bounded in time.
struct DoctorConnection: Sendable {
    /// The time limit of connecting.
    private static let connecting = TimeAmount.seconds(5)
    /// The time limit of the replies to one call.
    static let patience = TimeAmount.seconds(2)

    private let group: MultiThreadedEventLoopGroup
    private let link: NIOLoopBound<RedisLink>
    /// The state after the attempt to connect.
    let status: RedisLinkStatus
    /// The version of Redis; nil if it does not report one.
    let version: String?

    /// Connects, or finds out why that is not possible. The owner must close the connection in either case.
    init?(to address: RedisAddress) async {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        self.group = group
        let started = loop.makePromise(of: RedisLinkStatus.self)
        let opened = loop.submit {
            let link = RedisLink(
                address: address, eventLoop: loop, logger: Logger(label: "doctor") { _ in SwiftLogNoOpLogHandler() })
            var isDecided = false
            func decide(_ status: RedisLinkStatus) {
                guard !isDecided else { return }
                isDecided = true
                started.succeed(status)
            }
            link.onStateChange = { if $0 != .connecting { decide($0) } }
            link.start()
            loop.assumeIsolated().scheduleTask(in: Self.connecting) {
                decide(.down(reason: "no reply within \(Self.connecting.milliseconds / 1_000) s"))
            }
            return NIOLoopBound(link, eventLoop: loop)
        }
        guard let link = try? await opened.get() else { return nil }
        self.link = link
        status = (try? await started.futureResult.get()) ?? .closed
        version = try? await loop.submit { [link] in link.value.redisVersion }.get()
    }

    func close() async {
        try? await link.eventLoop.flatSubmit { [link] in link.value.shutdown() }.get()
        try? await group.shutdownGracefully()
    }

    /// Sends commands in a pipeline. Returns their replies in order, with errors of Redis among them; nil if one is
    /// missing.
    func ask(_ commands: [[String]]) async -> [RedisReply]? {
        let replies = link.eventLoop.flatSubmit { [link] in
            let deadline = NIODeadline.now() + Self.patience
            let promises = commands.map { _ in link.eventLoop.makePromise(of: RedisReply.self) }
            link.value.pipeline {
                for (words, promise) in zip(commands, promises) {
                    link.value.send(words, deadline: deadline) { promise.completeWith($0.mapError { $0 as any Error }) }
                }
            }
            return EventLoopFuture.whenAllSucceed(promises.map(\.futureResult), on: link.eventLoop)
        }
        return try? await replies.get()
    }

    /// Sends commands if a first one is answered with OK, on the same connection. Returns all replies, which are null if they
    /// were not sent.
    func ask(_ first: [String], then commands: [[String]]) async -> [RedisReply]? {
        let replies = link.eventLoop.flatSubmit { [link] in
            let deadline = NIODeadline.now() + Self.patience
            let promises = ([first] + commands).map { _ in link.eventLoop.makePromise(of: RedisReply.self) }
            link.value.send(first, deadline: deadline) { result in
                promises[0].completeWith(result.mapError { $0 as any Error })
                // Before the link can reconnect.
                guard case .success(.simple("OK")) = result else {
                    for promise in promises.dropFirst() { promise.succeed(.null) }
                    return
                }
                link.value.pipeline {
                    for (words, promise) in zip(commands, promises.dropFirst()) {
                        link.value.send(words, deadline: deadline) {
                            promise.completeWith($0.mapError { $0 as any Error })
                        }
                    }
                }
            }
            return EventLoopFuture.whenAllSucceed(promises.map(\.futureResult), on: link.eventLoop)
        }
        return try? await replies.get()
    }

    /// Sends one command. Returns its reply, or nil if there is none.
    func ask(_ words: String...) async -> RedisReply? { await ask([words])?.first }

    /// Sends one encoded command several times, one after the other. Returns the times until the replies and the last
    /// reply; nil if one is missing. Stops early after the time limit of a call.
    func measure(_ command: ByteBuffer, times: Int) async -> (times: [Duration], reply: RedisReply)? {
        let end = NIODeadline.now() + Self.patience
        var durations: [Duration] = []
        var last: RedisReply?
        while durations.count < times, durations.isEmpty || NIODeadline.now() < end {
            let sample = link.eventLoop.flatSubmit { [link] in
                let promise = link.eventLoop.makePromise(of: (Int64, RedisReply).self)
                let start = NIODeadline.now()
                link.value.send(command, deadline: start + Self.patience) { result in
                    let time = (NIODeadline.now() - start).nanoseconds
                    promise.completeWith(result.map { (time, $0) }.mapError { $0 as any Error })
                }
                return promise.futureResult
            }
            guard let (nanoseconds, reply) = try? await sample.get() else { return nil }
            durations.append(.nanoseconds(nanoseconds))
            last = reply
        }
        return last.map { (durations, $0) }
    }
}
