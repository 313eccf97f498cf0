import Logging
import NIOCore
import ServiceLifecycle
import Synchronization
import TollgateCore
import TollgateLedger
import TollgateRedis
import TollgateStores

/// Keeps the administrators' settings of a sidecar up to date. Reads those that every sidecar stores whole, and
/// subscribes to the channel that announces changes. After each new subscription all cached settings are invalidated:
/// changes may have been missed.
///
/// Usable from any thread. Its subscription belongs to the event loop on which the watcher was created.
final class PolicyWatcher: Service {
    /// The interval of reading without an announcement.
    private static let interval = Duration.seconds(300)
    /// Short at first: requests wait for the first reading.
    private static let backoff = Backoff(minDelay: .milliseconds(5), maxDelay: .milliseconds(100))
    /// The pause while the settings are corrupt, which only an administrator can repair.
    private static let corruptionPause = Duration.seconds(2)

    private let store: PolicyStore
    private let subscription: NIOLoopBound<RedisSubscription>
    private let policy: ActivePolicy
    private let logger: Logger
    private let wakeUps: AsyncStream<Void>
    private let wakeUp: AsyncStream<Void>.Continuation
    private let state = Mutex(State())

    private struct State {
        /// The number of readings that have begun, and the number of the active one: an older result never replaces a
        /// newer one.
        var begun = 0
        var installed = 0
        var isSubscribed = false
        var kinds: Set<ScopeKind> = []
    }

    /// Creates a watcher on its event loop. It does nothing before `run()`.
    init(
        eventLoop: any EventLoop, settings: ServerSettings, store: PolicyStore, policy: ActivePolicy,
        linkLog: RedisLinkLog, logger: Logger
    ) {
        let keys = PolicyKeys(namespace: settings.namespace)
        let subscription = RedisSubscription(
            address: settings.redis, channel: keys.changes, eventLoop: eventLoop, logger: logger)
        subscription.log = linkLog
        self.subscription = NIOLoopBound(subscription, eventLoop: eventLoop)
        self.store = store
        self.policy = policy
        self.logger = logger
        (wakeUps, wakeUp) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        subscription.onSubscribed = { [weak self] in self?.subscribed() }
        subscription.onLost = { [weak self] in self?.state.withLock { $0.isSubscribed = false } }
        subscription.onMessage = { [weak self] in self?.changed($0) }
    }

    /// Reads until graceful shutdown. Pending calls of the store have to end first.
    func run() async {
        try? await subscription.eventLoop.submit { [subscription] in subscription.value.start() }.get()
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.readWhenWokenUp() }
                group.addTask {
                    while (try? await Task.sleep(for: Self.interval)) != nil { self.wakeUp.yield() }
                }
            }
        }
        try? await subscription.eventLoop.flatSubmit { [subscription] in subscription.value.shutdown() }.get()
    }

    /// Whether this sidecar is currently subscribed to changes.
    var isSubscribed: Bool { state.withLock { $0.isSubscribed } }

    // MARK: - Announcements

    private func subscribed() {
        state.withLock { $0.isSubscribed = true }
        catchUp()
    }

    /// Invalidates and reads all settings, because changes may have been missed.
    func catchUp() {
        policy.settingsChanged(of: nil)
        wakeUp.yield()
    }

    /// Handles a message such as `12 shared` or `12 scope user:alice`.
    private func changed(_ message: String) {
        let words = message.split(separator: " ", maxSplits: 2)
        if let revision = words.first.flatMap({ Int64($0) }) { store.seen.note(revision) }
        if words.count == 3, words[1] == "scope", let scope = try? Scope(parsing: words[2]) {
            policy.settingsChanged(of: scope)
            // Only the first scope of a kind changes what is stored whole.
            if state.withLock({ $0.kinds.contains(scope.kind) }) { return }
        }
        wakeUp.yield()
    }

    // MARK: - Reading

    private func readWhenWokenUp() async {
        await readUntilDone()
        for await _ in wakeUps { await readUntilDone() }
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
                try? await Task.sleep(for: Self.corruptionPause)
            } else {
                try? await Task.sleep(for: Self.backoff.delay(afterFailures: failures))
            }
        }
    }

    /// Logs an error. The links log a lost connection themselves.
    private func report(_ error: StoreError) {
        guard case .corrupt(let sentence) = error else {
            let isReported = error == .notConnected
            return logger.log(
                level: isReported ? .debug : .warning, "cannot read the administrator settings: \(error)")
        }
        logger.error("cannot read the administrator settings: \(sentence)")
        policy.settingsAreUnreadable("the administrator settings are malformed: \(sentence)")
    }

    /// Reads the settings that every sidecar stores whole, and installs them.
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
            // Unreadable tiers, assignments and accounts stay as they were. The settings of scopes can still be found by their
            // kinds.
            if fault == nil { policy.install(shared) }
            policy.learn(shared.kinds)
        }
        if let fault { throw fault }
    }
}
