import NIOCore
import TollgateWire

/// The end of a connection. A reply that has been handed to the channel may still wait for the client to read; and a socket
/// that is closed while bytes from the client wait in it is reset, which can cost the client replies it has not read yet. So
/// our side is closed first, when everything has been written, and the socket when the client has closed its own or some time
/// has passed.
extension Session {
    /// How long what a client still sends is read and thrown away.
    private static let lingering = TimeAmount.seconds(1)

    /// Closes once everything has been written. A client that does not read is left to the idle timeout.
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

    /// Closes where the token has not been named in time, with an error that is written as far as the socket takes it.
    func closeUnauthenticated() {
        guard phase == .open else { return close() }
        refuse(RequestError(.unauthenticated, "AUTH did not come in time"))
        flush()
        close()
    }

    /// Closes now, whatever waits to be written.
    func close() {
        context?.close(promise: nil)
    }
}
