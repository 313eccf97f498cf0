import DequeModule
import Logging
import NIOCore
import Synchronization
import TollgateCore
import TollgateLedger
import TollgateRedis
import TollgateStores

/// Reads what happens to alerts out of Redis's stream, for all clients of a sidecar that have asked for it with ALERTS.
///
/// News are told on a channel, looked for whenever that is heard again after it was lost, and every few seconds all the same; each
/// entry goes to all workers once, in order. A client that wants older ones, or could not take new ones when they came, reads pages
/// of its own. One task does all the reading, one page after the other: so whoever has got the last page has missed nothing that
/// went to the workers before, and gets everything that goes to them from then on.
///
/// Usable from any thread; its connection is owned by the event loop it was made on.
final class AlertFeed: Sendable {
    private static let pageSize = 100
    /// Also how long after a failed reading the next one is tried, unless something happens before, or Redis could not be asked.
    private static let interval = Duration.seconds(5)
    /// A Redis that could not be asked is tried again so often: until it has been, nobody knows from where on alerts are new.
    private static let pause = Duration.milliseconds(100)

    /// A page that a client wants.
    private struct PageRequest: Sendable {
        var client: ObjectIdentifier
        var after: AlertCursor
        var deliver: @Sendable (AlertPage) -> Void
    }

    private enum Job {
        case news
        /// The same page for one client or several.
        case page([PageRequest])
    }

    private struct State {
        var task: Task<Void, Never>?
        var handedOn = HandedOnPlaces()
        var isSubscribed = false
        var hasNews = true
        var requests = Deque<PageRequest>()
    }

    private let store: AlertStore
    private let subscription: NIOLoopBound<RedisSubscription>
    private let broadcast: @Sendable (AlertPage) -> Void
    private let logger: Logger
    private let wanted: AsyncStream<Void>
    private let wantedContinuation: AsyncStream<Void>.Continuation
    private let state = Mutex(State())

    /// To be made on the event loop. Does nothing before `start()`.
    ///
    /// - Parameter broadcast: Hands a page on to every worker.
    init(
        eventLoop: any EventLoop, settings: ServerSettings, store: AlertStore, logger: Logger,
        broadcast: @escaping @Sendable (AlertPage) -> Void
    ) {
        self.store = store
        self.broadcast = broadcast
        self.logger = logger
        let subscription = RedisSubscription(
            address: settings.redis, channel: store.keys.news, eventLoop: eventLoop, logger: logger)
        self.subscription = NIOLoopBound(subscription, eventLoop: eventLoop)
        (wanted, wantedContinuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        subscription.onSubscribed = { [weak self] in self?.subscribed() }
        subscription.onLost = { [weak self] in self?.state.withLock { $0.isSubscribed = false } }
        subscription.onMessage = { [weak self] _ in self?.lookForNews() }
    }

    /// To be called on the event loop.
    func start() {
        subscription.value.start()
        let task = Task { await run() }
        state.withLock { $0.task = task }
        wantedContinuation.yield()
    }

    /// Returns when nothing goes to the workers any more. What its store asks has to have ended, or to end soon.
    func stop() async {
        let task = state.withLock { $0.task }
        task?.cancel()
        wantedContinuation.finish()
        try? await subscription.eventLoop.flatSubmit { [subscription] in subscription.value.shutdown() }.get()
        await task?.value
        state.withLock { $0.requests = [] }
    }

    /// What INFO says of it.
    var report: InfoReport.AlertState {
        state.withLock { InfoReport.AlertState(cursor: $0.handedOn.last?.description, isSubscribed: $0.isSubscribed) }
    }

    /// Reads one page for a client, when its turn comes and Redis can be asked; `deliver` is called from any thread.
    func read(
        after cursor: AlertCursor, for client: ObjectIdentifier, deliver: @escaping @Sendable (AlertPage) -> Void
    ) {
        state.withLock {
            $0.requests.append(PageRequest(client: client, after: cursor, deliver: deliver))
        }
        wantedContinuation.yield()
    }

    /// The client is gone.
    func forget(_ client: ObjectIdentifier) {
        state.withLock { state in state.requests.removeAll { $0.client == client } }
    }

    // MARK: - Listening

    private func subscribed() {
        state.withLock { $0.isSubscribed = true }
        lookForNews()
    }

    private func lookForNews() {
        state.withLock { $0.hasNews = true }
        wantedContinuation.yield()
    }

    // MARK: - Reading

    private func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.work() }
            group.addTask {
                while (try? await Task.sleep(for: Self.interval)) != nil { self.lookForNews() }
            }
        }
    }

    private func work() async {
        var reported: StoreError?
        for await _ in wanted {
            do throws(StoreError) {
                while !Task.isCancelled, let job = nextJob() { try await carryOut(job) }
                reported = nil
            } catch {
                if error != reported { report(error) }
                reported = error
                guard error.changedNothingYet else { continue }
                try? await Task.sleep(for: Self.pause)
                wantedContinuation.yield()
            }
        }
    }

    private func nextJob() -> Job? {
        state.withLock { state in
            guard !state.hasNews else {
                state.hasNews = false
                return .news
            }
            guard let first = state.requests.first else { return nil }
            // Clients that fall behind together want the same: it is read and encoded once.
            let requests = state.requests.filter { $0.after == first.after }
            state.requests.removeAll { $0.after == first.after }
            return .page(Array(requests))
        }
    }

    private func carryOut(_ job: Job) async throws(StoreError) {
        do throws(StoreError) {
            switch job {
            case .news: try await readNews()
            case .page(let requests):
                let page = try await page(after: requests[0].after)
                for request in requests { request.deliver(page) }
            }
        } catch {
            state.withLock { state in
                switch job {
                case .news: state.hasNews = true
                case .page(let requests): state.requests.prepend(contentsOf: requests)
                }
            }
            throw error
        }
    }

    /// Hands on what is new. The first time it only finds out where the stream is.
    private func readNews() async throws(StoreError) {
        guard var position = state.withLock({ $0.handedOn.last }) else {
            let newest = try await store.stream.newestPosition()
            return state.withLock { $0.handedOn.add([], upTo: newest) }
        }
        while !Task.isCancelled {
            let page = try await page(after: position)
            position = page.end
            state.withLock { $0.handedOn.add(page.lines.map(\.cursor), upTo: position) }
            if !page.lines.isEmpty || page.newestPlace != nil { broadcast(page) }
            if page.isLast { return }
        }
    }

    /// What comes after a place; where the stream does not reach that far, what comes after the last place that it still has.
    private func page(after cursor: AlertCursor) async throws(StoreError) -> AlertPage {
        let page = try await nextPage(after: cursor)
        guard page.isLast, page.end == cursor else { return page }
        let newest = try await store.stream.newestPosition()
        guard newest < cursor else { return page }
        var first = try await nextPage(after: state.withLock { $0.handedOn.resumption(after: cursor, newest: newest) })
        first.newestPlace = newest
        return first
    }

    private func nextPage(after cursor: AlertCursor) async throws(StoreError) -> AlertPage {
        do throws(StoreError) {
            let entries = try await store.stream.entries(after: "\(cursor)", atMost: Self.pageSize)
            return AlertPage(after: cursor, entries, isLast: entries.count < Self.pageSize)
        } catch .badCursor {
            // The last place that there can be.
            return AlertPage(after: cursor, [], isLast: true)
        } catch .corrupt {
            return try await nextEntry(after: cursor)
        }
    }

    /// One of them cannot be read: they are taken one by one, and that one is passed over.
    private func nextEntry(after cursor: AlertCursor) async throws(StoreError) -> AlertPage {
        do throws(StoreError) {
            let entries = try await store.stream.entries(after: "\(cursor)", atMost: 1)
            return AlertPage(after: cursor, entries, isLast: entries.isEmpty)
        } catch .corrupt(let sentence) {
            guard let position = try await store.stream.position(after: cursor) else {
                return AlertPage(after: cursor, [], isLast: true)
            }
            logger.error("an alert is passed over: \(sentence)")
            return AlertPage(after: cursor, skipping: position)
        }
    }

    /// That there is no connection is reported by the links.
    private func report(_ error: StoreError) {
        let isReported = error == .notConnected
        logger.log(level: isReported ? .debug : .warning, "alerts cannot be read: \(error)")
    }
}
