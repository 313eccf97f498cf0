import Foundation
import Logging
import Synchronization
import TollgateLedger
import TollgateStores

/// The state of writes to Redis: accepted or refused, as the workers and `RedisHealth` find out. Logs each change once.
///
/// Usable from any thread.
final class RedisRefusals: Sendable {
    /// The refusal of writes by a Redis that answers.
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
    private let quiet: Duration
    private let current = Mutex(Current())

    /// - Parameter quiet: The time without a refusal after which a successful write ends the state. Without it the
    ///   state would flap while Redis refuses only some writes.
    init(logger: Logger, quiet: Duration = .seconds(1)) {
        self.logger = logger
        self.quiet = quiet
        otherErrors = OnceLog(logger)
    }

    /// The refusal; nil while Redis accepts writes, as far as is known.
    var state: State? { current.withLock { $0.state } }

    /// Records an error of Redis. Returns whether it begins a refusal of writes.
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

    /// Records successful writes of each kind.
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

/// Logs once that Redis denies functions, whichever connection finds out first.
///
/// Usable from any thread.
final class FunctionDenials: Sendable {
    private let logger: Logger
    private let isLogged = Atomic(false)

    init(logger: Logger) {
        self.logger = logger
    }

    /// Records the error of Redis with which a call or the loading of the library was denied.
    func functionsWereDenied(_ sentence: String) {
        guard !isLogged.exchange(true, ordering: .relaxed) else { return }
        logger.warning(
            "Redis denies functions (FCALL, FUNCTION LOAD): scripts are called instead (EVALSHA), which is slower",
            metadata: ["reason": "\(sentence)"])
    }
}
