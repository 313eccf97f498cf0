import NIOCore
import TollgateLedger
import TollgateRedis

/// Commands on their way to Redis, and the one who waits for all of their replies. Owned by the link's event loop.
final class StoreCall {
    typealias Outcome = Result<[RedisReply], StoreError>

    private let link: RedisLink
    private let expected: Int
    private let deadline: TimeAmount
    private let isChange: Bool
    private var replies: [RedisReply] = []
    private var timeout: Scheduled<Void>?
    /// Nil once it was called.
    private var completion: ((Outcome) -> Void)?

    /// - Parameter isChange: Whether Redis may have changed something where no reply comes.
    init(
        on link: RedisLink, expecting expected: Int, isChange: Bool, deadline: TimeAmount,
        completion: @escaping (Outcome) -> Void
    ) {
        self.isChange = isChange
        self.link = link
        self.expected = expected
        self.deadline = deadline
        self.completion = completion
        timeout = link.eventLoop.assumeIsolated().scheduleTask(in: deadline) { self.expire() }
    }

    func receive(_ result: Result<RedisReply, RedisError>) {
        switch result {
        case .success(let reply):
            replies.append(reply)
            if replies.count == expected { complete(.success(replies)) }
        case .failure(.notConnected): complete(.failure(.unavailable(RedisError.notConnected.description)))
        case .failure(let error): complete(.failure(unanswered(error.description)))
        }
    }

    /// Replies come in order: none of those behind the missing one can be waited for.
    private func expire() {
        guard completion != nil else { return }
        guard !link.hasUnreadBytes else {
            // The event loop was busy elsewhere: the reply may lie in the socket.
            timeout = link.eventLoop.assumeIsolated().scheduleTask(in: ReplyDeadline.shortPause) { self.expire() }
            return
        }
        let sentence = "no reply of Redis within \(deadline.milliseconds) ms"
        complete(.failure(unanswered(sentence)))
        link.disconnect(reason: sentence)
    }

    private func unanswered(_ sentence: String) -> StoreError {
        isChange ? .unknownOutcome(sentence) : .unavailable(sentence)
    }

    private func complete(_ outcome: Outcome) {
        timeout?.cancel()
        completion?(outcome)
        completion = nil
    }
}
