import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import TollgateTestSupport

/// A small HTTP server on a free port that responds as the test defines. The test owns it and calls `stop()`.
final class Receiver: Sendable {
    /// A received request.
    struct Request: Sendable {
        var method: String
        var path: String
        var headers: [String: String]
        var body: String
        var at: ContinuousClock.Instant

        /// A member of the JSON in the body.
        subscript(key: String) -> String? { (object?[key] as? String) }
        /// The id of the alert in the body.
        var alert: String? { (object?["alert"] as? [String: Any])?["id"] as? String }
        var object: [String: Any]? { (try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any] }
        var delivery: String? { headers["tollgate-delivery"] }
    }

    enum Answer: Sendable {
        case status(Int, headers: [(String, String)] = [], body: String = "")
        /// No response.
        case silence
        /// The connection is closed without a response.
        case hangUp
        /// Status 200 with an endless body.
        case endlessBody
    }

    typealias Script = @Sendable (_ number: Int, _ request: Request) -> Answer

    private let received = Mutex<[Request]>([])
    private let unanswered = Mutex(0)
    private let script: Mutex<Script>
    private let children = Mutex<[any Channel]>([])
    private let listener = Mutex<(any Channel)?>(nil)

    private init(_ script: @escaping Script) {
        self.script = Mutex(script)
    }

    static func start(_ script: @escaping Script = { _, _ in .status(200) }) async throws -> Receiver {
        let receiver = Receiver(script)
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                receiver.children.withLock { $0.append(channel) }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(receiver))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        receiver.listener.withLock { $0 = listener }
        return receiver
    }

    /// Runs the body with a receiver that is stopped afterwards.
    static func with<Result>(
        _ script: @escaping Script = { _, _ in .status(200) }, _ body: (Receiver) async throws -> Result
    ) async throws -> Result {
        let receiver = try await start(script)
        do {
            let result = try await body(receiver)
            await receiver.stop()
            return result
        } catch {
            await receiver.stop()
            throw error
        }
    }

    func stop() async {
        try? await listener.withLock { $0.take() }?.close()
        for child in children.withLock({ $0 }) { try? await child.close() }
    }

    /// Replaces the script for later requests.
    func answer(_ script: @escaping Script) {
        self.script.withLock { $0 = script }
    }

    var port: Int { listener.withLock { $0?.localAddress?.port } ?? 0 }
    var url: String { "http://127.0.0.1:\(port)/hook" }
    var requests: [Request] { received.withLock { $0 } }
    /// The number of requests without a response whose connections are open.
    var waitingCount: Int { unanswered.withLock { $0 } }
    /// The ids of the deliveries in the order of the requests.
    var deliveries: [String] { requests.compactMap(\.delivery) }

    fileprivate func take(_ request: Request) -> Answer {
        let number = received.withLock { received in
            received.append(request)
            return received.count
        }
        return script.withLock { $0 }(number, request)
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let receiver: Receiver
        private var head: HTTPRequestHead?
        private var body = ""
        private var isUnanswered = false

        init(_ receiver: Receiver) {
            self.receiver = receiver
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                body = ""
            case .body(let part): body += String(buffer: part)
            case .end: answer(context)
            }
        }

        private func answer(_ context: ChannelHandlerContext) {
            guard let head else { return }
            let headers = head.headers.map { ($0.name.lowercased(), $0.value) }
            let request = Request(
                method: head.method.rawValue, path: head.uri, headers: Dictionary(headers) { first, _ in first },
                body: body, at: .now)
            let answer = receiver.take(request)
            guard case .silence = answer else { return write(answer, context) }
            isUnanswered = true
            receiver.unanswered.withLock { $0 += 1 }
        }

        private func write(_ answer: Answer, _ context: ChannelHandlerContext) {
            switch answer {
            case .silence: break
            case .hangUp: context.close(promise: nil)
            case .endlessBody:
                write(.init(version: .http1_1, status: .ok), context)
                context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: "…")))), promise: nil)
            case .status(let code, let fields, let text):
                var head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: code))
                for (name, value) in fields { head.headers.add(name: name, value: value) }
                head.headers.add(name: "Content-Length", value: "\(text.utf8.count)")
                write(head, context)
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }

        private func write(_ head: HTTPResponseHead, _ context: ChannelHandlerContext) {
            context.write(wrapOutboundOut(.head(head)), promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) {
            if isUnanswered { receiver.unanswered.withLock { $0 -= 1 } }
            isUnanswered = false
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}
