import NIOCore
import NIOPosix
import TollgateRedis
import TollgateTestSupport

/// A listener that is no Redis: it accepts, answers the first bytes of each connection with a fixed text, or with
/// nothing.
struct TestListener {
    private final class Answerer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private var answer: String?

        init(answer: String?) {
            self.answer = answer
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard let answer else { return }
            self.answer = nil
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
        }
    }

    private let folder: TemporaryFolder
    private let channel: any Channel

    let address: RedisAddress

    static func with(answer: String?, _ body: (TestListener) async throws -> Void) async throws {
        let listener = try await TestListener(answer: answer)
        do {
            try await body(listener)
        } catch {
            try await listener.channel.close()
            throw error
        }
        try await listener.channel.close()
    }

    private init(answer: String?) async throws {
        folder = try TemporaryFolder()
        let path = folder.path + "/listener.sock"
        address = RedisAddress(unixSocket: path)
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Answerer(answer: answer))
                }
            }
            .bind(unixDomainSocketPath: path).get()
    }
}
