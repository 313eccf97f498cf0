import NIOCore
import TollgateWire

/// The end of a connection.
///
/// The channel may still hold replies that the client has not read. A socket that is closed with unread input is reset,
/// and the client can lose replies. So the session first writes everything and closes its own side. It closes the
/// socket when the client has closed its side, or after a second.
extension Session {
    /// The time for which input is read and discarded after our side has been closed.
    private static let lingering = TimeAmount.seconds(1)

    /// Closes once everything has been written. The stall timeout covers a client that does not read.
    func finish(_ context: ChannelHandlerContext) {
        phase = .finishing
        let written = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: written)
        written.futureResult.assumeIsolated().whenComplete { _ in self.linger() }
    }

    private func linger() {
        guard let context else { return }
        guard !hasInputEnded, !worker.isShuttingDown else { return context.close(promise: nil) }
        phase = .lingering
        context.close(mode: .output, promise: nil)
        resumeReading(context)
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.lingering) { self.close() }
    }

    /// Closes an idle session. A subscriber that does not read its alerts gets an error and has as long again to read
    /// that.
    func closeIdle() {
        guard alerts != nil, phase == .open else { return close() }
        alerts = nil
        lastRequest = .now()
        worker.alertFanOut.unsubscribe(self)
        refuse(RequestError(.busy, "alerts were not read in time; reconnect and resume with after=CURSOR"))
        closeAfterReplies()
    }

    /// Closes a session that has not sent the token in time. Writes an error as far as the socket takes it.
    func closeUnauthenticated() {
        guard phase == .open else { return close() }
        refuse(RequestError(.unauthenticated, "no AUTH within the deadline"))
        flush()
        close()
    }

    /// Closes now and discards what waits to be written.
    func close() {
        context?.close(promise: nil)
    }
}
