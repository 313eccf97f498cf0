import DequeModule
import NIOCore

/// The subscribers to alerts on one event loop. Pages are written to them in slices with a pause after each, in which
/// the loop reads and answers requests: no decision waits until every subscriber has been written to. Owned by that
/// loop.
final class AlertFanOut {
    /// A slice ends after this number of clients or bytes.
    private static let maxSessionsPerSlice = 8
    private static let maxBytesPerSlice = 128 * 1_024
    /// Above zero: an event loop runs tasks that are due before it polls its sockets again.
    private static let pause = TimeAmount.microseconds(500)
    /// The queue's capacity. Beyond it pages are dropped, and each client reads them from Redis at its own pace.
    private static let maxPages = 64

    /// A page with its index in the order of pages on this loop.
    struct NumberedPage {
        var number: Int
        var page: AlertPage
    }

    private let eventLoop: any EventLoop
    private let feed: AlertFeed
    private let slots: AlertSlots
    private var subscribers: [ObjectIdentifier: Session] = [:]
    private var pages = Deque<NumberedPage>()
    /// The subscribers that have not received the first page; nil before the first of them is written to.
    private var recipients: [Session]?
    private var isPausing = false

    /// The number of the next page, which is the first page of a client that goes live now.
    private(set) var nextNumber = 0

    /// - Parameters:
    ///   - feed: The source of pages for clients that have fallen behind.
    ///   - slots: The subscriptions that all event loops share.
    init(eventLoop: any EventLoop, feed: AlertFeed, slots: AlertSlots) {
        self.eventLoop = eventLoop
        self.feed = feed
        self.slots = slots
    }

    /// The number of subscribers.
    var count: Int { subscribers.count }

    /// Queued pages, and the clients that the first page has not reached. For tests.
    var waiting: (pages: Int, recipients: Int) { (pages.count, recipients?.count ?? 0) }

    /// Subscribes a session. Returns false if the sidecar has as many subscribers as it may.
    func subscribe(_ session: Session) -> Bool {
        guard slots.acquire() else { return false }
        subscribers[ObjectIdentifier(session)] = session
        return true
    }

    /// Ends the subscription of a session, if it has one.
    func unsubscribe(_ session: Session) {
        guard subscribers.removeValue(forKey: ObjectIdentifier(session)) != nil else { return }
        slots.release()
        feed.cancelReads(of: ObjectIdentifier(session))
    }

    /// Queues a page for all subscribers.
    func deliver(_ page: AlertPage) {
        pages.append(NumberedPage(number: nextNumber, page: page))
        nextNumber += 1
        if pages.count > Self.maxPages { return dropPages() }
        if !isPausing { writeSlice() }
    }

    private func writeSlice() {
        var (sessions, bytes) = (0, 0)
        while let page = pages.first {
            var remaining = recipients ?? Array(subscribers.values)
            while let session = remaining.popLast() {
                let written = session.receiveAlerts(page)
                guard written > 0 else { continue }
                sessions += 1
                bytes += written
                guard sessions < Self.maxSessionsPerSlice, bytes < Self.maxBytesPerSlice else {
                    recipients = remaining
                    return continueLater()
                }
            }
            recipients = nil
            pages.removeFirst()
        }
    }

    private func continueLater() {
        isPausing = true
        eventLoop.assumeIsolated().scheduleTask(in: Self.pause) {
            self.isPausing = false
            self.writeSlice()
        }
    }

    private func dropPages() {
        let dropped = pages
        pages.removeAll()
        recipients = nil
        for session in Array(subscribers.values) { session.fallBehind(dropped) }
    }
}
