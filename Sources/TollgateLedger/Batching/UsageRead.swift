import NIOCore
import TollgateRedis

/// One reading of a scope's usage, from sending to completion. Owned by the ledger's event loop.
final class UsageRead {
    private let ledger: Ledger
    private let request: Batch.UsageRequest
    private var deadline: ReplyDeadline?
    private var isDone = false
    private var attempts = 0

    private let onEnd: () -> Void

    init(ledger: Ledger, request: Batch.UsageRequest, onEnd: @escaping () -> Void) {
        self.onEnd = onEnd
        self.ledger = ledger
        self.request = request
    }

    func start() {
        deadline = ReplyDeadline(ledger) { self.expire() }
        send()
    }

    private func send() {
        attempts += 1
        let arguments = UsageCall.arguments(
            for: request.plan, at: ledger.clock.now, fixedClock: ledger.fixedClock)
        ledger.link.call(Ledger.usageFunction, arguments, isWanted: { !self.isDone }) { self.receive($0) }
    }

    private func receive(_ result: Result<RedisReply, RedisError>) {
        guard !isDone else { return }
        switch result {
        case .success(.bulk(let bytes)):
            switch UsageCall.outcome(bytes, of: request.plan) {
            case .usage(let usage): complete(.success(usage))
            case .otherTime(let now) where attempts <= 3:
                ledger.clock.redisSaid(now)
                send()
            case .otherTime: complete(.failure(.internal("Redis's clock and the calendar do not agree")))
            case .broken: complete(.failure(.internal("the key of \(request.plan.scope) in Redis is not a hash")))
            case nil: complete(.failure(.internal("the usage script's reply cannot be read")))
            }
        case .success(.error(let sentence)): complete(.failure(LedgerFailure(redisSaid: sentence)))
        case .success: complete(.failure(.internal("the usage script's reply is not a string")))
        case .failure(let error): complete(.failure(.unavailable(error.description)))
        }
    }

    /// The connection goes before the ledger hears of the end: the next batch must not be sent on it.
    private func expire() {
        guard !isDone, let deadline else { return }
        isDone = true
        self.deadline = nil
        request.completion(.failure(.timeout))
        ledger.replyIsLate(sentAt: deadline.sentAt)
        onEnd()
    }

    private func complete(_ result: Result<ScopeUsage, LedgerFailure>) {
        guard !isDone else { return }
        isDone = true
        deadline?.cancel()
        deadline = nil
        request.completion(result)
        onEnd()
    }
}
