import Foundation
import NIOCore
import TollgateCore
import TollgateWire

/// ALERTS: from its reply on, what happens to alerts is pushed to the client.
///
/// A push goes to the output at once, whatever replies are outstanding: the output holds whole replies only, so it comes between
/// two of them and never within one. What a client is too slow to take is not kept for it: it falls behind, and reads page after
/// page from the stream as it makes room. So it may take as long as it likes, and costs no memory.
extension Session {
    /// Seconds without a sign of life from the host of a client that listens; then it is asked, three times.
    private static let silence: Int = 60
    private static let pauseBetweenProbes: Int = 15
    private static let maxProbes: Int = 3

    /// Without a cursor on a connection that has asked before, nothing changes; with one it begins again from there.
    func subscribe(_ request: borrowing Request) {
        if alerts == nil {
            guard worker.subscribe(self) else {
                let capacity = worker.clients.alertPlaces.capacity
                return refuse(RequestError(.busy, "ALERTS: \(capacity) clients listen already"))
            }
            probeSilentPeer()
        } else if request.after != nil {
            worker.alertFeed?.forget(ObjectIdentifier(self))
        } else {
            return replyOK()
        }
        replyOK()
        alerts = AlertSubscription(after: request.after, place: replies.end)
    }

    /// A client that only listens is not closed as idle: so the system has to find out whether its host is still there.
    private func probeSilentPeer() {
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

    /// Goes on where the reply to ALERTS has gone out, or where there is room again. Called whenever output has been handed over.
    func advanceAlerts(_ alerts: AlertSubscription) {
        if case .accepted(let place) = alerts.phase, replies.start >= place {
            alerts.phase = alerts.isFromCursor ? .behind : .live(firstPage: worker.alertFanOut.nextNumber)
        }
        guard case .behind = alerts.phase, hasRoomForAlerts else { return }
        alerts.phase = .reading
        let reader = NIOLoopBound((session: self, alerts: alerts), eventLoop: worker.eventLoop)
        worker.alertFeed?.read(after: alerts.position, for: ObjectIdentifier(self)) { page in
            reader.eventLoop.execute { reader.value.session.receivePage(page, for: reader.value.alerts) }
        }
    }

    /// The page that was asked for.
    private func receivePage(_ page: AlertPage, for alerts: AlertSubscription) {
        guard phase == .open, alerts === self.alerts else { return }
        let isWhole = push(page, alerts) != nil
        alerts.phase = isWhole && page.isLast ? .live(firstPage: worker.alertFanOut.nextNumber) : .behind
        flush()
    }

    /// What is new to every client that listens. Returns the bytes that were written.
    func receiveAlerts(_ news: AlertFanOut.NumberedPage) -> Int {
        guard phase == .open, let alerts, case .live(let firstPage) = alerts.phase, news.number >= firstPage else {
            return 0
        }
        let written = push(news.page, alerts)
        if written == nil { alerts.phase = .behind }
        flush()
        return written ?? 0
    }

    /// These pages, the last of which is the newest, are not handed on: the client is to read them.
    func fallBehind(_ pages: some Sequence<AlertFanOut.NumberedPage>) {
        guard phase == .open, let alerts, case .live(let firstPage) = alerts.phase else { return }
        // One that has not got anything yet has no place of its own.
        if let first = pages.first(where: { $0.number >= firstPage }) {
            alerts.position = max(alerts.position, first.page.after)
        }
        alerts.phase = .behind
        advanceAlerts(alerts)
    }

    /// Writes what of a page comes after the client's place, and returns how many bytes that were; nil, and writes nothing, where
    /// there is no room.
    private func push(_ page: AlertPage, _ alerts: AlertSubscription) -> Int? {
        if let newest = page.newestPlace, alerts.position > newest { alerts.position = page.after }
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

    /// Closes a session on which nothing happens. A client that listens, and does not read, is told so, and has as long again to
    /// read that.
    func closeIdle() {
        guard alerts != nil, phase == .open else { return close() }
        alerts = nil
        lastRequest = .now()
        worker.unsubscribe(self)
        refuse(RequestError(.busy, "the alerts were not read; come back with after= and the last cursor"))
        closeAfterReplies()
    }
}
