import NIOCore
import NIOHTTP1

/// Closes a connection that keeps its place without getting on: however slowly bytes come or are taken, each part of a request
/// has its time. Tells a client that waits with its body to send it, where a `SendBody` comes from a route. Stands behind the
/// decoder; belongs to the connection's event loop.
final class ConnectionDeadline: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// The outbound event that has the client go on with a body that it keeps back (`Expect: 100-continue`).
    struct SendBody: Sendable {}

    /// What a connection waits for.
    private enum Phase: Equatable {
        /// Another request, of which nothing has come yet.
        case request
        /// The end of a request's head.
        case head
        /// The end of its body.
        case body
        /// Its answer to be made and taken.
        case answer

        var limit: TimeAmount {
            switch self {
            case .head: .seconds(5)
            case .body: .seconds(30)
            case .request, .answer: .seconds(60)
            }
        }
    }

    private let connections: OpenConnections
    private var phase = Phase.head
    private var isBodyKeptBack = false
    private var isBodyOpen = false
    private var answersDue = 0
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
            isBodyKeptBack =
                head.version != .http1_0 && head.headers.first(name: "expect")?.lowercased() == "100-continue"
            answersDue += 1
            if answersDue == 1 { connections.note(context.channel, isWaiting: false) }
        case .body: isBodyKeptBack = false
        case .end: isBodyOpen = false
        }
        advance(context)
        context.fireChannelRead(data)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Bytes have come that made no head.
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
            handler.answersDue -= 1
            if handler.answersDue == 0 { handler.connections.note(context.channel, isWaiting: true) }
            handler.advance(context)
        }
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is SendBody else { return context.triggerUserOutboundEvent(event, promise: promise) }
        // Of requests that came together, the others' answers go first.
        if isBodyKeptBack, isBodyOpen, answersDue == 1 {
            let head = HTTPResponseHead(version: .http1_1, status: .continue)
            context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
        }
        isBodyKeptBack = false
        promise?.succeed()
    }

    private func advance(_ context: ChannelHandlerContext) {
        let next: Phase = isBodyOpen ? .body : answersDue > 0 ? .answer : .request
        if next != phase { enter(next, context) }
    }

    private func enter(_ phase: Phase, _ context: ChannelHandlerContext) {
        self.phase = phase
        timer?.cancel()
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: phase.limit) { channel.close(promise: nil) }
    }
}
