import Foundation
import Logging
import Synchronization
import TollgateLedger
import TollgateStores

/// Whether the Redis of a sidecar takes what is written, as its workers and the looks of `RedisHealth` find out. Each change is
/// logged once, however many of them meet it.
///
/// Usable from any thread.
final class RedisRefusals: Sendable {
    /// A Redis that answers and takes no writes.
    struct State: Sendable, Equatable {
        var refusal: WriteRefusal
        var since: Date
    }

    private struct Current {
        var state: State?
        var lastMet = ContinuousClock.now
    }

    private let logger: Logger
    private let otherErrors: OnceLog
    /// So long nothing may have been refused before writing is taken for possible again.
    private let quiet: Duration
    private let current = Mutex(Current())

    /// - Parameter quiet: How long a write has to have been refused the last time when one that succeeds ends the refusal: where
    ///   only some are refused, that would come and go with each.
    init(logger: Logger, quiet: Duration = .seconds(1)) {
        self.logger = logger
        self.quiet = quiet
        otherErrors = OnceLog(logger)
    }

    /// Nil while Redis takes what is written, as far as is known.
    var state: State? { current.withLock { $0.state } }

    /// Redis has answered with an error. Returns whether that is the first of a refusal.
    @discardableResult
    func met(_ sentence: String) -> Bool {
        guard let refusal = WriteRefusal(redisSaid: sentence) else {
            otherErrors.warn("Redis answers with an error: \(sentence)")
            return false
        }
        let isNew = current.withLock { current in
            current.lastMet = .now
            guard current.state?.refusal.code != refusal.code else { return false }
            current.state = State(refusal: refusal, since: current.state?.since ?? .now)
            return true
        }
        if isNew { logger.error("Redis refuses writes: \(refusal.sentence)", metadata: ["code": "\(refusal.code)"]) }
        return isNew
    }

    /// Redis has taken a write of each kind.
    func wrote() {
        let ended = current.withLock { current -> State? in
            guard let state = current.state, ContinuousClock.now - current.lastMet >= quiet else { return nil }
            current.state = nil
            return state
        }
        guard let ended else { return }
        let seconds = Int(Date.now.timeIntervalSince(ended.since).rounded())
        logger.notice(
            "Redis takes writes again", metadata: ["code": "\(ended.refusal.code)", "after": "\(seconds) s"])
    }
}
