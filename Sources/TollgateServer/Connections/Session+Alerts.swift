import Foundation
import NIOCore
import TollgateCore
import TollgateWire

/// The progress of one client that has subscribed to alerts. Owned by its session.
final class AlertSubscription {
    enum Phase {
        /// The reply to ALERTS has not been written. `ticket` is that of the reply after it.
        case accepted(ticket: Int)
        /// The client needs a page as soon as there is room.
        case behind
        /// The page has been requested. Pages that the workers get meanwhile are in it, or will be in the next one.
        case reading
        /// The client gets the pages of its worker, beginning with this number.
        case live(firstPage: Int)
    }

    var phase: Phase
    /// The cursor up to which events have been written.
    var position: AlertCursor
    /// Whether the client has asked for past events.
    let isFromCursor: Bool

    /// - Parameter ticket: The ticket of the first reply after the one to ALERTS.
    init(after cursor: AlertCursor?, ticket: Int) {
        position = cursor ?? .start
        isFromCursor = cursor != nil
        phase = .accepted(ticket: ticket)
    }
}

/// Implements ALERTS: pushes alert events to the client once the reply has been written.
///
/// A push goes to the output immediately, whatever replies are outstanding. The output holds whole replies only, so a
/// push is between two of them and never within one. Events are not queued for a slow client:
/// the session reads them page by page from the stream as the client drains its output. So a slow client costs no memory.
extension Session {
    /// The idle time in seconds before the first TCP keep-alive probe of a subscriber (TCP_KEEPIDLE).
    private static let silence: Int = 60
    private static let pauseBetweenProbes: Int = 15
    private static let maxProbes: Int = 3

    /// Subscribes, or moves the subscription to the given cursor. Without a cursor an existing subscription stays as it
    /// is.
    func subscribe(_ request: borrowing Request) {
        if alerts == nil {
            guard worker.alertFanOut.subscribe(self) else {
                let capacity = worker.clients.alertSlots.capacity
                return refuse(RequestError(.busy, "ALERTS: the limit of \(capacity) subscribers is reached"))
            }
            enableKeepAlive()
        } else if request.after != nil {
            worker.alertFeed.cancelReads(of: ObjectIdentifier(self))
        } else {
            return replyOK()
        }
        replyOK()
        alerts = AlertSubscription(after: request.after, ticket: replies.nextTicket)
    }

    /// Lets the system detect a host that is gone: a client that only reads alerts is not closed as idle.
    private func enableKeepAlive() {
        guard let channel = context?.channel, let options = channel.syncOptions,
            [.inet, .inet6].contains(channel.remoteAddress?.protocol)
        else { return }
        try? options.setOption(.socketOption(.so_keepalive), value: 1)
        #if canImport(Glibc)
        try? options.setOption(.tcpOption(.init(rawValue: TCP_KEEPIDLE)), value: Self.silence)
        try? options.setOption(.tcpOption(.init(rawValue: TCP_KEEPINTVL)), value: Self.pauseBetweenProbes)
        try? options.setOption(.tcpOption(.init(rawValue: TCP_KEEPCNT)), value: Self.maxProbes)
        #endif
    }

    /// Starts a subscription once its reply has been written, and resumes it once the output buffer has space again.
    /// Called after each write of output.
    func advanceAlerts(_ alerts: AlertSubscription) {
        if case .accepted(let ticket) = alerts.phase, replies.firstTicket >= ticket {
            alerts.phase = alerts.isFromCursor ? .behind : .live(firstPage: worker.alertFanOut.nextNumber)
        }
        guard case .behind = alerts.phase, hasRoomForAlerts else { return }
        alerts.phase = .reading
        let reader = NIOLoopBound((session: self, alerts: alerts), eventLoop: worker.eventLoop)
        worker.alertFeed.read(after: alerts.position, for: ObjectIdentifier(self)) { page in
            reader.eventLoop.execute { reader.value.session.receivePage(page, for: reader.value.alerts) }
        }
    }

    /// Writes the page that was requested for this client.
    private func receivePage(_ page: AlertPage, for alerts: AlertSubscription) {
        guard phase == .open, alerts === self.alerts else { return }
        let isWhole = push(page, alerts) != nil
        alerts.phase = isWhole && page.isLast ? .live(firstPage: worker.alertFanOut.nextNumber) : .behind
        flush()
    }

    /// Writes a page of new events, if the subscription is live. Returns the number of bytes.
    func receiveAlerts(_ numbered: AlertFanOut.NumberedPage) -> Int {
        guard phase == .open, let alerts, case .live(let firstPage) = alerts.phase, numbered.number >= firstPage else {
            return 0
        }
        let written = push(numbered.page, alerts)
        if written == nil { alerts.phase = .behind }
        flush()
        return written ?? 0
    }

    /// Lets the client read these pages from the stream: they were dropped. The last of them is the newest.
    func fallBehind(_ pages: some Sequence<AlertFanOut.NumberedPage>) {
        guard phase == .open, let alerts, case .live(let firstPage) = alerts.phase else { return }
        // A client that has not received a page yet has no position of its own.
        if let first = pages.first(where: { $0.number >= firstPage }) {
            alerts.position = max(alerts.position, first.page.after)
        }
        alerts.phase = .behind
        advanceAlerts(alerts)
    }

    /// Writes the part of a page that follows the client's position. Returns the number of bytes; nil, with nothing
    /// written, if there is no room.
    private func push(_ page: AlertPage, _ alerts: AlertSubscription) -> Int? {
        if let newest = page.newestCursor, alerts.position > newest { alerts.position = page.after }
        alerts.position = max(alerts.position, page.after)
        var written = 0
        if let first = page.lines.firstIndex(where: { $0.cursor > alerts.position }) {
            guard hasRoomForAlerts, let context else { return nil }
            let text = page.text(from: first, framing)
            written = text.readableBytes
            writeOutput(context)
            context.writeAndFlush(wrapOutboundOut(text), promise: nil)
        }
        alerts.position = max(alerts.position, page.end)
        return written
    }

    private var hasRoomForAlerts: Bool {
        phase == .open && replies.output.readableBytes < Self.maxUnwritten && context?.channel.isWritable == true
    }
}
