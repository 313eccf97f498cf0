import Logging
import NIOCore
import Synchronization
import TollgateCore
import TollgateLedger
import TollgateRedis
import TollgateStores

/// Keeps what a sidecar knows of administrators' changes up to date: reads what every sidecar keeps whole, and listens to the
/// channel on which changes are told. After each new connection to it, all that was looked up before is forgotten, as changes may
/// have been missed.
///
/// Usable from any thread; its subscription is owned by the event loop it was made on.
final class PolicyWatcher: Sendable {
    /// What is kept whole is read again so often, whether changes were told or not.
    private static let interval = Duration.seconds(300)
    /// Short at first: requests wait for the first reading.
    private static let backoff = Backoff(minDelay: .milliseconds(5), maxDelay: .milliseconds(100))
    /// While something is broken: a person has to mend it.
    private static let longPause = Duration.seconds(2)

    /// Who hears of changes.
    struct Listener: Sendable {
        /// Another shared policy.
        var install: @Sendable (StoredShared) -> Void
        /// The kinds of scopes for which something was ever set, as they were read just now.
        var learn: @Sendable (Set<ScopeKind>) -> Void
        /// It cannot be read; a sentence.
        var isBroken: @Sendable (String) -> Void
        /// Something was set for a scope, or for all that is known; nil.
        var settingsChanged: @Sendable (Scope?) -> Void
    }

    private let store: PolicyStore
    private let subscription: NIOLoopBound<RedisSubscription>
    private let listener: Listener
    private let logger: Logger
    private let wanted: AsyncStream<Void>
    private let wantedContinuation: AsyncStream<Void>.Continuation
    private let state = Mutex(State())

    private struct State {
        var task: Task<Void, Never>?
        /// Readings begun, and the number of the one whose result is in force: an older one never comes after it.
        var begun = 0
        var installed = 0
        var isSubscribed = false
        var kinds: Set<ScopeKind> = []
    }

    /// To be made on the event loop. Does nothing before `start()`.
    init(
        eventLoop: any EventLoop, settings: ServerSettings, store: PolicyStore, listener: Listener, logger: Logger
    ) {
        let keys = PolicyKeys(namespace: settings.namespace)
        let subscription = RedisSubscription(
            address: settings.redis, channel: keys.changes, eventLoop: eventLoop, logger: logger)
        self.subscription = NIOLoopBound(subscription, eventLoop: eventLoop)
        self.store = store
        self.listener = listener
        self.logger = logger
        (wanted, wantedContinuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        subscription.onSubscribed = { [weak self] in self?.subscribed() }
        subscription.onLost = { [weak self] in self?.state.withLock { $0.isSubscribed = false } }
        subscription.onMessage = { [weak self] in self?.changed($0) }
    }

    /// To be called on the event loop.
    func start() {
        subscription.value.start()
        let task = Task { await run() }
        state.withLock { $0.task = task }
    }

    /// What its store asks has to have ended, or to end soon.
    func stop() async {
        let task = state.withLock { $0.task }
        task?.cancel()
        wantedContinuation.finish()
        try? await subscription.eventLoop.flatSubmit { [subscription] in subscription.value.shutdown() }.get()
        await task?.value
    }

    /// Whether changes are told to this sidecar at present.
    var isSubscribed: Bool { state.withLock { $0.isSubscribed } }

    // MARK: - Listening

    private func subscribed() {
        state.withLock { $0.isSubscribed = true }
        catchUp()
    }

    /// Changes may have been missed: everything is read again.
    func catchUp() {
        listener.settingsChanged(nil)
        wantedContinuation.yield()
    }

    /// `12 shared` or `12 scope user:alice`
    private func changed(_ message: String) {
        let words = message.split(separator: " ", maxSplits: 2)
        if let revision = words.first.flatMap({ Int64($0) }) { store.seen.note(revision) }
        if words.count == 3, words[1] == "scope", let scope = try? Scope(parsing: words[2]) {
            listener.settingsChanged(scope)
            // Not the first of its kind.
            if state.withLock({ $0.kinds.contains(scope.kind) }) { return }
        }
        wantedContinuation.yield()
    }

    // MARK: - Reading

    private func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.readWhenWanted() }
            group.addTask {
                while (try? await Task.sleep(for: Self.interval)) != nil { self.wantedContinuation.yield() }
            }
        }
    }

    private func readWhenWanted() async {
        await readUntilDone()
        for await _ in wanted { await readUntilDone() }
    }

    private func readUntilDone() async {
        var reported: StoreError?
        var failures = 0
        while !Task.isCancelled {
            do throws(StoreError) {
                return try await read()
            } catch {
                if error != reported { report(error) }
                reported = error
            }
            failures += 1
            if case .corrupt = reported {
                try? await Task.sleep(for: Self.longPause)
            } else {
                try? await Task.sleep(for: Self.backoff.delay(afterFailures: failures))
            }
        }
    }

    /// That there is no connection is reported by the links.
    private func report(_ error: StoreError) {
        guard case .corrupt(let sentence) = error else {
            let isReported = error == .notConnected
            return logger.log(
                level: isReported ? .debug : .warning, "what administrators have set cannot be read: \(error)")
        }
        logger.error("what administrators have set cannot be read: \(sentence)")
        listener.isBroken("what administrators have set cannot be read: \(sentence)")
    }

    /// Reads now what every sidecar keeps whole, and has it installed.
    func read() async throws(StoreError) {
        let number = state.withLock { state in
            state.begun += 1
            return state.begun
        }
        let (shared, fault) = try await store.readableShared()
        state.withLock { state in
            guard number > state.installed else { return }
            state.installed = number
            state.kinds = shared.kinds
            // What cannot be read leaves tiers and assignments as they were; what is set for scopes is found all the same.
            if fault == nil { listener.install(shared) }
            listener.learn(shared.kinds)
        }
        if let fault { throw fault }
    }
}
