import Logging
import NIOCore
import NIOPosix
import TollgateRedis

/// A link on an event loop of the shared group, with its calls made there and its status changes kept.
struct TestLink: Sendable {
    private final class Owner {
        let link: RedisLink
        var statuses: [RedisLinkStatus] = []

        init(link: RedisLink) {
            self.link = link
        }
    }

    let eventLoop: any EventLoop
    private let owner: NIOLoopBound<Owner>

    /// Starts a link, and shuts it down when the body is done.
    static func with(
        _ address: RedisAddress,
        logger: Logger = Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() },
        _ body: (TestLink) async throws -> Void
    ) async throws {
        let link = try await TestLink(address, logger: logger)
        do {
            try await body(link)
        } catch {
            try await link.shutdown()
            throw error
        }
        try await link.shutdown()
    }

    private init(_ address: RedisAddress, logger: Logger) async throws {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.any()
        self.eventLoop = eventLoop
        owner = try await eventLoop.submit {
            let link = RedisLink(address: address, eventLoop: eventLoop, logger: logger)
            let owner = Owner(link: link)
            link.onStateChange = { [unowned owner] in owner.statuses.append($0) }
            link.start()
            return NIOLoopBound(owner, eventLoop: eventLoop)
        }.get()
    }

    /// Every status since the start, in order.
    var statuses: [RedisLinkStatus] {
        get async throws { try await eventLoop.submit { owner.value.statuses }.get() }
    }

    var status: RedisLinkStatus {
        get async throws { try await eventLoop.submit { owner.value.link.status }.get() }
    }

    var isReady: Bool {
        get async throws { try await eventLoop.submit { owner.value.link.isReady }.get() }
    }

    var usesFunctions: Bool {
        get async throws { try await eventLoop.submit { owner.value.link.usesFunctions }.get() }
    }

    /// Calls the link on its loop.
    func run(_ body: @escaping @Sendable (RedisLink) -> Void) async throws {
        try await eventLoop.submit { body(owner.value.link) }.get()
    }

    func send(_ arguments: String...) async throws -> Result<RedisReply, RedisError> {
        try await reply { link, completion in link.send(encoded(arguments), completion: completion) }
    }

    func call(_ function: RedisFunction, _ arguments: String...) async throws -> Result<RedisReply, RedisError> {
        let arguments = RedisFunctionArguments(keys: [], arguments: arguments)
        return try await reply { link, completion in link.call(function, arguments, completion: completion) }
    }

    private func reply(
        _ call: @escaping @Sendable (RedisLink, @escaping RedisLink.Completion) -> Void
    ) async throws -> Result<RedisReply, RedisError> {
        try await eventLoop.flatSubmit {
            let promise = eventLoop.makePromise(of: Result<RedisReply, RedisError>.self)
            call(owner.value.link) { promise.succeed($0) }
            return promise.futureResult
        }.get()
    }

    func shutdown() async throws {
        try await eventLoop.flatSubmit { owner.value.link.shutdown() }.get()
    }
}

/// One command as Redis reads it.
func encoded(_ arguments: [String]) -> ByteBuffer {
    var buffer = ByteBuffer(string: "*\(arguments.count)\r\n")
    for argument in arguments { buffer.writeString("$\(argument.utf8.count)\r\n\(argument)\r\n") }
    return buffer
}

extension RedisReply {
    static func bulk(_ text: String) -> RedisReply { .bulk(ByteBuffer(string: text)) }
}
