import NIOCore
import NIOHTTP1

/// Closes connections that make no progress. Each part of a request has a time limit, however slowly bytes arrive or
/// are read. Also sends 100 Continue when a route triggers `SendContinue`. Its position is after the decoder. Owned by the
/// connection's event loop.
final class ConnectionDeadline: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// The outbound event that sends 100 Continue, if the client waits for it (`Expect: 100-continue`).
    struct SendContinue: Sendable {}

    /// The part of a request that the connection waits for.
    private enum Phase: Equatable {
        /// The first byte of the next request.
        case request
        /// The end of a request's head.
        case head
        /// The end of a request's body.
        case body
        /// The response, until the client has received it.
        case response

        var limit: TimeAmount {
            switch self {
            case .head: .seconds(5)
            case .body: .seconds(30)
            case .request, .response: .seconds(60)
            }
        }
    }

    private let connections: OpenConnections
    private var phase = Phase.head
    private var expectsContinue = false
    private var isBodyOpen = false
    private var pendingResponses = 0
    private var timer: Scheduled<Void>?

    init(_ connections: OpenConnections) {
        self.connections = connections
    }

    func handlerAdded(context: ChannelHandlerContext) {
        enter(.head, context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            isBodyOpen = true
            expectsContinue =
                head.version != .http1_0 && head.headers.first(name: "expect")?.lowercased() == "100-continue"
            pendingResponses += 1
            if pendingResponses == 1 { connections.setIdle(context.channel, isIdle: false) }
        case .body: expectsContinue = false
        case .end: isBodyOpen = false
        }
        advance(context)
        context.fireChannelRead(data)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Bytes have arrived that are not a complete head.
        if phase == .request { enter(.head, context) }
        context.fireChannelReadComplete()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .end = unwrapOutboundIn(data) else { return context.write(data, promise: promise) }
        let written = promise ?? context.eventLoop.makePromise()
        context.write(data, promise: written)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        written.futureResult.whenComplete { _ in
            let (handler, context) = bound.value
            handler.pendingResponses -= 1
            if handler.pendingResponses == 0 { handler.connections.setIdle(context.channel, isIdle: true) }
            handler.advance(context)
        }
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is SendContinue else { return context.triggerUserOutboundEvent(event, promise: promise) }
        // Responses to earlier pipelined requests come first.
        if expectsContinue, isBodyOpen, pendingResponses == 1 {
            let head = HTTPResponseHead(version: .http1_1, status: .continue)
            context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
        }
        expectsContinue = false
        promise?.succeed()
    }

    private func advance(_ context: ChannelHandlerContext) {
        let next: Phase = isBodyOpen ? .body : pendingResponses > 0 ? .response : .request
        if next != phase { enter(next, context) }
    }

    private func enter(_ phase: Phase, _ context: ChannelHandlerContext) {
        self.phase = phase
        timer?.cancel()
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: phase.limit) { channel.close(promise: nil) }
    }
}
