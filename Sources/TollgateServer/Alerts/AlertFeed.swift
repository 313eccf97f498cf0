import DequeModule
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization
import TollgateCore
import TollgateLedger
import TollgateRedis
import TollgateStores

/// Reads the stream of alert events in Redis for all subscribers of a sidecar.
///
/// A channel announces new entries. The feed also reads when it has subscribed to the channel again after a loss, and
/// every few seconds. It broadcasts each entry to all workers once, in order. A client that wants older entries, or
/// could not take new ones, reads pages of its own. One task does all the reading, one page after the other. So a
/// client that has read the last page has missed nothing that was broadcast before, and gets everything that is
/// broadcast from then on.
///
/// Usable from any thread. Its connection belongs to the event loop on which the feed was created.
final class AlertFeed: Sendable {
    private static let pageSize = 100
    /// The interval of reading without an announcement. Also the pause after an error, except when Redis could not be
    /// asked.
    private static let interval = Duration.seconds(5)
    /// The pause after Redis could not be asked. It is short: until the first success it is not known which entries are
    /// new.
    private static let pause = Duration.milliseconds(100)

    /// A client's request for a page.
    private struct PageRequest: Sendable {
        var client: ObjectIdentifier
        var after: AlertCursor
        var deliver: @Sendable (AlertPage) -> Void
    }

    private enum Job {
        case newEntries
        /// The same page for one or more clients.
        case page([PageRequest])
    }

    private struct State {
        var broadcasts = BroadcastHistory()
        var isSubscribed = false
        var hasNewEntries = true
        var requests = Deque<PageRequest>()
    }

    private let store: AlertStore
    private let subscription: NIOLoopBound<RedisSubscription>
    private let logger: Logger
    private let wakeUps: AsyncStream<Void>
    private let wakeUp: AsyncStream<Void>.Continuation
    private let state = Mutex(State())

    /// Creates a feed on its event loop. It does nothing before `run`.
    init(eventLoop: any EventLoop, settings: ServerSettings, store: AlertStore, linkLog: RedisLinkLog, logger: Logger) {
        self.store = store
        self.logger = logger
        let subscription = RedisSubscription(
            address: settings.redis, channel: store.keys.news, eventLoop: eventLoop, logger: logger)
        subscription.log = linkLog
        self.subscription = NIOLoopBound(subscription, eventLoop: eventLoop)
        (wakeUps, wakeUp) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        subscription.onSubscribed = { [weak self] in self?.subscribed() }
        subscription.onLost = { [weak self] in self?.state.withLock { $0.isSubscribed = false } }
        subscription.onMessage = { [weak self] _ in self?.readNewEntriesSoon() }
    }

    /// Reads and broadcasts until graceful shutdown. Pending calls of the store have to end first.
    ///
    /// - Parameter broadcast: Hands a page to all workers.
    func run(broadcast: @escaping @Sendable (AlertPage) -> Void) async {
        try? await subscription.eventLoop.submit { [subscription] in subscription.value.start() }.get()
        wakeUp.yield()
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.work(broadcast) }
                group.addTask {
                    while (try? await Task.sleep(for: Self.interval)) != nil { self.readNewEntriesSoon() }
                }
            }
        }
        try? await subscription.eventLoop.flatSubmit { [subscription] in subscription.value.shutdown() }.get()
        state.withLock { $0.requests = [] }
    }

    /// The state for STATUS.
    var report: InfoReport.AlertState {
        state.withLock { InfoReport.AlertState(cursor: $0.broadcasts.last?.description, isSubscribed: $0.isSubscribed) }
    }

    /// Reads one page for a client, in turn and as soon as Redis can be asked. Calls `deliver` from any thread.
    func read(
        after cursor: AlertCursor, for client: ObjectIdentifier, deliver: @escaping @Sendable (AlertPage) -> Void
    ) {
        state.withLock {
            $0.requests.append(PageRequest(client: client, after: cursor, deliver: deliver))
        }
        wakeUp.yield()
    }

    /// Drops the queued requests of a client.
    func cancelReads(of client: ObjectIdentifier) {
        state.withLock { state in state.requests.removeAll { $0.client == client } }
    }

    // MARK: - Announcements

    private func subscribed() {
        state.withLock { $0.isSubscribed = true }
        readNewEntriesSoon()
    }

    private func readNewEntriesSoon() {
        state.withLock { $0.hasNewEntries = true }
        wakeUp.yield()
    }

    // MARK: - Reading

    private func work(_ broadcast: @escaping @Sendable (AlertPage) -> Void) async {
        var reported: StoreError?
        for await _ in wakeUps {
            do throws(StoreError) {
                while !Task.isCancelled, let job = nextJob() { try await perform(job, broadcast) }
                reported = nil
            } catch {
                if error != reported { report(error) }
                reported = error
                guard error.changedNothingYet else { continue }
                try? await Task.sleep(for: Self.pause)
                wakeUp.yield()
            }
        }
    }

    private func nextJob() -> Job? {
        state.withLock { state in
            guard !state.hasNewEntries else {
                state.hasNewEntries = false
                return .newEntries
            }
            guard let first = state.requests.first else { return nil }
            // Clients that fall behind together request the same page, which is read and encoded once.
            let requests = state.requests.filter { $0.after == first.after }
            state.requests.removeAll { $0.after == first.after }
            return .page(Array(requests))
        }
    }

    private func perform(_ job: Job, _ broadcast: (AlertPage) -> Void) async throws(StoreError) {
        do throws(StoreError) {
            switch job {
            case .newEntries: try await broadcastNewEntries(broadcast)
            case .page(let requests):
                let page = try await page(after: requests[0].after)
                for request in requests { request.deliver(page) }
            }
        } catch {
            state.withLock { state in
                switch job {
                case .newEntries: state.hasNewEntries = true
                case .page(let requests): state.requests.prepend(contentsOf: requests)
                }
            }
            throw error
        }
    }

    /// Broadcasts all new entries. The first time, only finds the end of the stream.
    private func broadcastNewEntries(_ broadcast: (AlertPage) -> Void) async throws(StoreError) {
        guard var position = state.withLock({ $0.broadcasts.last }) else {
            let newest = try await store.stream.newestPosition()
            return state.withLock { $0.broadcasts.add([], upTo: newest) }
        }
        while !Task.isCancelled {
            let page = try await page(after: position)
            position = page.end
            state.withLock { $0.broadcasts.add(page.lines.map(\.cursor), upTo: position) }
            if !page.lines.isEmpty || page.newestCursor != nil { broadcast(page) }
            if page.isLast { return }
        }
    }

    /// Reads the page after a cursor. If the stream ends before the cursor, reads on after the last known entry that it
    /// still has.
    private func page(after cursor: AlertCursor) async throws(StoreError) -> AlertPage {
        let page = try await nextPage(after: cursor)
        guard page.isLast, page.end == cursor else { return page }
        let newest = try await store.stream.newestPosition()
        guard newest < cursor else { return page }
        let resumption = state.withLock { $0.broadcasts.resumption(after: cursor, newest: newest) }
        var first = try await nextPage(after: resumption)
        first.newestCursor = newest
        return first
    }

    private func nextPage(after cursor: AlertCursor) async throws(StoreError) -> AlertPage {
        do throws(StoreError) {
            let entries = try await store.stream.entries(after: "\(cursor)", atMost: Self.pageSize)
            return AlertPage(after: cursor, entries, isLast: entries.count < Self.pageSize)
        } catch .badCursor {
            // The largest cursor.
            return AlertPage(after: cursor, [], isLast: true)
        } catch .corrupt {
            return try await nextEntry(after: cursor)
        }
    }

    /// Reads a single entry, because one of the page cannot be read. That one is skipped.
    private func nextEntry(after cursor: AlertCursor) async throws(StoreError) -> AlertPage {
        do throws(StoreError) {
            let entries = try await store.stream.entries(after: "\(cursor)", atMost: 1)
            return AlertPage(after: cursor, entries, isLast: entries.isEmpty)
        } catch .corrupt(let sentence) {
            guard let unreadable = try await store.stream.position(after: cursor) else {
                return AlertPage(after: cursor, [], isLast: true)
            }
            logger.error("skipping a malformed alert: \(sentence)")
            return AlertPage(after: cursor, skipping: unreadable)
        }
    }

    /// Logs an error. The links log a lost connection themselves.
    private func report(_ error: StoreError) {
        let isReported = error == .notConnected
        logger.log(level: isReported ? .debug : .warning, "cannot read alerts: \(error)")
    }
}

/// Broadcasts the events of an alert feed to the workers.
struct AlertBroadcast: Service {
    let feed: AlertFeed
    let workers: [NIOLoopBound<Worker>]

    func run() async {
        await feed.run { [workers] page in workers.execute { $0.alertFanOut.deliver(page) } }
    }
}
