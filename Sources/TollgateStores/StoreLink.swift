package import NIOCore
import Synchronization
package import TollgateRedis

/// A store's access to Redis: hops from any task to the event loop of a ``RedisLink`` and back.
///
/// Stores are not on the decision path. If a reply does not arrive within the deadline, the link's connection is
/// closed. A StoreLink can be used from any task, and outlives the link's event loop: after `close()`, every call fails
/// immediately.
package final class StoreLink: Sendable {
    private let link: NIOLoopBound<RedisLink>
    private let deadline: TimeAmount
    private let isClosed = Mutex(false)

    package init(_ link: NIOLoopBound<RedisLink>, deadline: TimeAmount) {
        self.link = link
        self.deadline = deadline
    }

    /// Stops handing work to the event loop. The loop may end as soon as it has done the work handed over before.
    package func close() { isClosed.withLock { $0 = true } }

    /// Sends commands in a pipeline and returns their replies in order. Error replies are among them.
    ///
    /// - Parameter isChange: Whether a missing reply is `.unknownOutcome` instead of `.unavailable`.
    func send(_ commands: [[String]], isChange: Bool = false) async throws(StoreError) -> [RedisReply] {
        guard !commands.isEmpty else { return [] }
        // Encoded here, as the event loop of the link has other work.
        let encoded = commands.map { RedisCommand.encoded($0) }
        return try await call(expecting: commands.count, isChange: isChange) { link, call in
            link.pipeline {
                for (index, command) in encoded.enumerated() {
                    link.send(command, deadline: call.replyDeadline) { call.receive($0, at: index) }
                }
            }
        }
    }

    /// Sends one command that changes nothing, and returns its reply.
    func send(_ words: String...) async throws(StoreError) -> RedisReply {
        try await send([words])[0]
    }

    /// Sends commands in a MULTI block, so that they see the data of one moment.
    func sendAtomically(_ commands: [[String]]) async throws(StoreError) -> [RedisReply] {
        let replies = try await send([["MULTI"]] + commands + [["EXEC"]])
        guard case .array(let items) = try replies[replies.count - 1].checked(of: "EXEC"), items.count == commands.count
        else { throw .unavailable("unexpected reply of Redis to EXEC") }
        return items
    }

    /// Calls a Redis function and returns its reply.
    ///
    /// - Parameter isChange: Whether a missing reply is `.unknownOutcome` instead of `.unavailable`.
    func call(
        _ function: RedisFunction, keys: [String], arguments: [String], isChange: Bool = false
    ) async throws(StoreError) -> RedisReply {
        try await call(expecting: 1, isChange: isChange) { link, call in
            let arguments = RedisFunctionArguments(keys: keys, arguments: arguments)
            link.call(function, arguments, deadline: call.replyDeadline) { call.receive($0, at: 0) }
        }[0]
    }

    /// Calls a Redis function that changes nothing, several times in a pipeline, and returns the replies in order.
    func call(
        _ function: RedisFunction, _ calls: [RedisFunctionArguments]
    ) async throws(StoreError) -> [RedisReply] {
        guard !calls.isEmpty else { return [] }
        return try await call(expecting: calls.count) { link, call in
            link.pipeline {
                for (index, arguments) in calls.enumerated() {
                    link.call(function, arguments, deadline: call.replyDeadline) { call.receive($0, at: index) }
                }
            }
        }
    }

    private func call(
        expecting count: Int, isChange: Bool = false, _ send: @escaping @Sendable (RedisLink, StoreCall) -> Void
    ) async throws(StoreError) -> [RedisReply] {
        let outcome: StoreCall.Outcome = await withCheckedContinuation { continuation in
            let isScheduled = execute { [deadline] link in
                guard link.isReady else { return continuation.resume(returning: .failure(.notConnected)) }
                let call = StoreCall(on: link, expecting: count, isChange: isChange, deadline: deadline) {
                    continuation.resume(returning: $0)
                }
                send(link, call)
            }
            if !isScheduled { continuation.resume(returning: .failure(.notConnected)) }
        }
        return try outcome.get()
    }

    /// Schedules the body on the link's event loop. Returns false after `close()`.
    private func execute(_ body: @escaping @Sendable (RedisLink) -> Void) -> Bool {
        isClosed.withLock { isClosed in
            guard !isClosed else { return false }
            link.eventLoop.execute { [link] in body(link.value) }
            return true
        }
    }
}

/// Commands in flight and the completion that waits for all of their replies. Owned by the link's event loop.
private final class StoreCall {
    typealias Outcome = Result<[RedisReply], StoreError>

    private let link: RedisLink
    private let deadline: TimeAmount
    private let sentAt = NIODeadline.now()
    private let isChange: Bool
    private var replies: [RedisReply]
    private var missing: Int
    /// The completion handler; nil once called.
    private var completion: ((Outcome) -> Void)?

    /// - Parameter isChange: Whether Redis may have changed something if no reply arrives.
    init(
        on link: RedisLink, expecting count: Int, isChange: Bool, deadline: TimeAmount,
        completion: @escaping (Outcome) -> Void
    ) {
        self.isChange = isChange
        self.link = link
        replies = Array(repeating: .null, count: count)
        missing = count
        self.deadline = deadline
        self.completion = completion
    }

    /// The time by which all replies have to arrive.
    var replyDeadline: NIODeadline { sentAt + deadline }

    /// Handles the reply to the command at an index. A late one closes the connection: replies come in order, so no later
    /// one can be awaited. Only calls whose function had to be loaded first may come after later ones.
    func receive(_ result: Result<RedisReply, RedisError>, at index: Int) {
        guard completion != nil else { return }
        switch result {
        case .success(let reply):
            replies[index] = reply
            missing -= 1
            if missing == 0 { complete(.success(replies)) }
        case .failure(.notConnected): complete(.failure(.notConnected))
        case .failure(.timedOut):
            let sentence = "no reply from Redis within \(deadline.milliseconds) ms"
            complete(.failure(unanswered(sentence)))
            link.disconnect(reason: sentence)
        case .failure(let error): complete(.failure(unanswered(error.description)))
        }
    }

    private func unanswered(_ sentence: String) -> StoreError {
        isChange ? .unknownOutcome(sentence) : .unavailable(sentence)
    }

    private func complete(_ outcome: Outcome) {
        let completion = completion
        self.completion = nil
        completion?(outcome)
    }
}
