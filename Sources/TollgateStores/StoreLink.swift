package import NIOCore
import Synchronization
package import TollgateRedis

/// The way of the stores to Redis: from whichever task to a link's event loop and back. Never on the way of a request.
///
/// Usable from any task, also when the link's event loop is gone: after `close()` everything fails at once. A
/// reply that does not come within the deadline ends the link's connection.
package final class StoreLink: Sendable {
    private let link: NIOLoopBound<RedisLink>
    private let deadline: TimeAmount
    private let isClosed = Mutex(false)

    package init(_ link: NIOLoopBound<RedisLink>, deadline: TimeAmount) {
        self.link = link
        self.deadline = deadline
    }

    /// Nothing is handed to the event loop from now on, which may end after it has done what it was handed before.
    package func close() { isClosed.withLock { $0 = true } }

    /// Sends commands right behind each other; their replies, in order. Errors of Redis are among them.
    ///
    /// - Parameter isChange: Whether no reply is `.unknownOutcome`.
    func ask(_ commands: [[String]], isChange: Bool = false) async throws(StoreError) -> [RedisReply] {
        guard !commands.isEmpty else { return [] }
        return try await call(expecting: commands.count, isChange: isChange) { link, call in
            for words in commands { link.send(words, deadline: call.replyDeadline) { call.receive($0) } }
        }
    }

    /// The same for one command.
    func ask(_ words: String...) async throws(StoreError) -> RedisReply {
        try await ask([words])[0]
    }

    /// All of the commands at one moment.
    func askAtOnce(_ commands: [[String]]) async throws(StoreError) -> [RedisReply] {
        let replies = try await ask([["MULTI"]] + commands + [["EXEC"]])
        guard case .array(let items) = try replies[replies.count - 1].checked(of: "EXEC"), items.count == commands.count
        else { throw .unavailable("unexpected reply of Redis to EXEC") }
        return items
    }

    /// - Parameter isChange: Whether no reply is `.unknownOutcome`.
    func call(
        _ function: RedisFunction, keys: [String], arguments: [String], isChange: Bool = false
    ) async throws(StoreError) -> RedisReply {
        try await call(expecting: 1, isChange: isChange) { link, call in
            let arguments = RedisFunctionArguments(keys: keys, arguments: arguments)
            link.call(function, arguments, deadline: call.replyDeadline) { call.receive($0) }
        }[0]
    }

    private func call(
        expecting count: Int, isChange: Bool = false, _ send: @escaping @Sendable (RedisLink, StoreCall) -> Void
    ) async throws(StoreError) -> [RedisReply] {
        let notConnected = StoreCall.Outcome.failure(.unavailable(RedisError.notConnected.description))
        let outcome: StoreCall.Outcome = await withCheckedContinuation { continuation in
            let isHandedOver = onLoop { [deadline] link in
                guard link.isReady else { return continuation.resume(returning: notConnected) }
                let call = StoreCall(on: link, expecting: count, isChange: isChange, deadline: deadline) {
                    continuation.resume(returning: $0)
                }
                send(link, call)
            }
            if !isHandedOver { continuation.resume(returning: notConnected) }
        }
        return try outcome.get()
    }

    /// Returns whether it will be done.
    private func onLoop(_ body: @escaping @Sendable (RedisLink) -> Void) -> Bool {
        isClosed.withLock { isClosed in
            guard !isClosed else { return false }
            link.eventLoop.execute { [link] in body(link.value) }
            return true
        }
    }
}
