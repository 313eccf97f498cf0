import Foundation
package import NIOCore

/// Pauses accepting connections when the process has no file descriptor left, or when there is no room for another
/// connection. The first handler of a listening channel, which owns it.
///
/// After a failed accept SwiftNIO keeps waiting for the socket to be readable. It is readable as long as a connection
/// is pending, so the loop would spin. Only turning off `autoRead` ends that; `AcceptBackoffHandler` does not.
package final class AcceptGate: ChannelInboundHandler {
    package typealias InboundIn = any Channel
    package typealias InboundOut = any Channel

    private static let pause = TimeAmount.milliseconds(50)
    /// The time without a failure after which accepting is logged as recovered.
    private static let recoveryTime = TimeAmount.milliseconds(500)

    private let admission: ConnectionAdmission
    private var resumption: Scheduled<Void>?
    private var recovery: Scheduled<Void>?
    private var hasFailed = false

    package init(_ admission: ConnectionAdmission) {
        self.admission = admission
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        admission.accepted(unwrapInboundIn(data))
        context.fireChannelRead(data)
        if !admission.mayAccept { stop(context) }
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? IOError, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(error.errnoCode) else {
            return context.fireErrorCaught(error)
        }
        admission.acceptFailed(String(cString: strerror(error.errnoCode)))
        hasFailed = true
        recovery?.cancel()
        recovery = nil
        stop(context)
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        resumption?.cancel()
        recovery?.cancel()
    }

    private func stop(_ context: ChannelHandlerContext) {
        guard resumption == nil else { return }
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
        resumption = context.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) { self.resume(context) }
    }

    private func resume(_ context: ChannelHandlerContext) {
        resumption = nil
        guard context.channel.isActive else { return }
        guard admission.mayAccept else { return stop(context) }
        try? context.channel.syncOptions?.setOption(.autoRead, value: true)
        guard hasFailed, recovery == nil else { return }
        recovery = context.eventLoop.assumeIsolated().scheduleTask(in: Self.recoveryTime) {
            self.recovery = nil
            self.hasFailed = false
            self.admission.acceptRecovered()
        }
    }
}
