import NIOCore
import TollgateRedis

/// Commands on their way to Redis, and the one who waits for all of their replies. Owned by the link's event loop.
final class StoreCall {
    typealias Outcome = Result<[RedisReply], StoreError>

    private let link: RedisLink
    private let expected: Int
    private let deadline: TimeAmount
    private let sentAt = NIODeadline.now()
    private let isChange: Bool
    private var replies: [RedisReply] = []
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
    }

    /// The time by which all replies have to arrive.
    var replyDeadline: NIODeadline { sentAt + deadline }

    /// Takes the next reply. A late one ends the connection: replies come in order, so none behind it can be awaited.
    func receive(_ result: Result<RedisReply, RedisError>) {
        guard completion != nil else { return }
        switch result {
        case .success(let reply):
            replies.append(reply)
            if replies.count == expected { complete(.success(replies)) }
        case .failure(.notConnected): complete(.failure(.unavailable(RedisError.notConnected.description)))
        case .failure(.timedOut):
            let sentence = "no reply of Redis within \(deadline.milliseconds) ms"
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
