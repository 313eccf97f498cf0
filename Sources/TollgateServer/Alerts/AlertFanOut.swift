import DequeModule
import NIOCore

/// Hands news of alerts on to the clients of one event loop that listen. Pages go out in slices, with a pause after each in which
/// the loop reads and answers requests, so that no decision waits until every client has been written to. Owned by that loop.
final class AlertFanOut {
    /// A slice ends when it has written to so many clients, or so many bytes.
    private static let maxSessionsPerSlice = 8
    private static let maxBytesPerSlice = 128 * 1_024
    /// Not nothing: what a loop is to do at once it does before it looks at its sockets again.
    private static let pause = TimeAmount.microseconds(500)
    /// The most pages that wait. Past it they are dropped, and the clients read them from Redis, each at its own pace.
    private static let maxPages = 64

    /// A page and its place in the order in which pages came to this loop.
    struct NumberedPage {
        var number: Int
        var page: AlertPage
    }

    private let eventLoop: any EventLoop
    private var subscribers: [ObjectIdentifier: Session] = [:]
    private var pages = Deque<NumberedPage>()
    /// Those that are still to get the first page; nil before its turn.
    private var recipients: [Session]?
    private var isPausing = false

    /// The number of the next page: a client that goes live now gets that one and those after it.
    private(set) var nextNumber = 0

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// Clients that listen.
    var count: Int { subscribers.count }

    /// Pages that wait, and the clients that the first of them has not reached; for tests.
    var waiting: (pages: Int, recipients: Int) { (pages.count, recipients?.count ?? 0) }

    func add(_ session: Session) {
        subscribers[ObjectIdentifier(session)] = session
    }

    /// False where it is not there.
    func remove(_ session: Session) -> Bool {
        subscribers.removeValue(forKey: ObjectIdentifier(session)) != nil
    }

    /// Hands a page on, after those that came before it.
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
                    return goOnLater()
                }
            }
            recipients = nil
            pages.removeFirst()
        }
    }

    private func goOnLater() {
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
