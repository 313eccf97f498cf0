import NIOCore
import NIOHTTP1
import NIOPosix

/// The HTTP server of the fake provider.
enum FakeServer {
    /// The way in which an answer is sent.
    enum Reply {
        case whole(FakeAnswer)
        /// The whole head, and half of the body.
        case part(FakeAnswer, closes: Bool)
        /// Status 200 and spaces, without a length.
        case stream(bytes: Int)
        case silence
    }

    static func listen(
        on group: any EventLoopGroup, _ accepted: @escaping @Sendable (any Channel) -> Void,
        answer: @escaping @Sendable (FakeRequest) -> Reply
    ) async throws -> any Channel {
        try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                accepted(channel)
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let answer: @Sendable (FakeRequest) -> Reply
        private var head: HTTPRequestHead?

        init(_ answer: @escaping @Sendable (FakeRequest) -> Reply) {
            self.answer = answer
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): self.head = head
            case .body: break
            case .end:
                guard let head else { return }
                let headers = head.headers.map { ($0.name.lowercased(), $0.value) }
                let request = FakeRequest(uri: head.uri, headers: Dictionary(headers) { first, _ in first })
                write(answer(request), context)
            }
        }

        private func write(_ reply: Reply, _ context: ChannelHandlerContext) {
            switch reply {
            case .silence: break
            case .whole(let answer):
                write(headOf: answer, context)
                write(answer.body.utf8.map { $0 }, context)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            case .part(let answer, let closes):
                write(headOf: answer, context)
                write(Array(answer.body.utf8.prefix(answer.body.utf8.count / 2)), context)
                context.flush()
                if closes { context.close(promise: nil) }
            case .stream(let bytes):
                let head = HTTPResponseHead(
                    version: .http1_1, status: .ok, headers: ["transfer-encoding": "chunked"])
                context.write(wrapOutboundOut(.head(head)), promise: nil)
                write([UInt8](repeating: 0x20, count: bytes), context)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }

        private func write(headOf answer: FakeAnswer, _ context: ChannelHandlerContext) {
            var head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: answer.status))
            head.headers.add(name: "Content-Type", value: "application/json")
            head.headers.add(name: "Content-Length", value: "\(answer.body.utf8.count)")
            for (name, value) in answer.headers { head.headers.add(name: name, value: value) }
            context.write(wrapOutboundOut(.head(head)), promise: nil)
        }

        private func write(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}
