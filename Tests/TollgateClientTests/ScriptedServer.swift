import Foundation
import NIOCore
import NIOPosix
import Synchronization

@testable import TollgateClient

/// A server on a real socket with scripted replies to each line. Owned by the test; `stop` ends it.
final class ScriptedServer: Sendable {
    /// The reaction to a line.
    enum Answer: Sendable {
        /// Reply lines, written as they are.
        case lines([String])
        case silence
        case close
    }

    typealias Script = @Sendable (_ connection: Int, _ line: String) -> Answer

    let address: TollgateAddress
    let lines = Mutex<[String]>([])
    let connections = Atomic<Int>(0)
    private let listener = Mutex<(any Channel)?>(nil)
    private let children = Mutex<[any Channel]>([])

    private init(address: TollgateAddress) {
        self.address = address
    }

    /// Listens at the address, or at a new Unix socket.
    static func start(at address: TollgateAddress? = nil, _ script: @escaping Script) async throws -> ScriptedServer {
        let server = ScriptedServer(address: address ?? freshAddress())
        guard case .unix(let path) = server.address else { throw ChannelError.unknownLocalAddress }
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                let number = server.connections.add(1, ordering: .relaxed).newValue
                server.children.withLock { $0.append(channel) }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Lines(server, number, script))
                }
            }
            .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
        server.listener.withLock { $0 = listener }
        return server
    }

    /// An address at which no server listens.
    static func freshAddress() -> TollgateAddress {
        .unix(path: "\(FileManager.default.temporaryDirectory.path)/tollgate-\(UInt64.random(in: 0 ... .max)).sock")
    }

    /// Closes everything and removes the socket file.
    func stop() async throws {
        try await listener.withLock { $0 }?.close().get()
        for child in children.withLock({ $0 }) { try? await child.close().get() }
        if case .unix(let path) = address { try? FileManager.default.removeItem(atPath: path) }
    }

    /// Returns when a line has arrived. Throws after 20 seconds.
    func waitForLine() async throws {
        try await retrying {
            guard lines.withLock({ !$0.isEmpty }) else { throw TollgateClientError.timeout }
        }
    }

    /// Sends an unsolicited reply line on every connection.
    func say(_ line: String) {
        for child in children.withLock({ $0 }) { child.writeAndFlush(ByteBuffer(string: line + "\n"), promise: nil) }
    }

    /// The number of open connections.
    var openConnections: Int { children.withLock { $0.count { $0.isActive } } }

    /// Whether no client causes back-pressure.
    var isWritable: Bool { children.withLock { $0.allSatisfy(\.isWritable) } }

    private final class Lines: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let server: ScriptedServer
        private let number: Int
        private let script: Script
        private var arrived = ByteBuffer()

        init(_ server: ScriptedServer, _ number: Int, _ script: @escaping Script) {
            self.server = server
            self.number = number
            self.script = script
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var bytes = unwrapInboundIn(data)
            arrived.writeBuffer(&bytes)
            while let end = arrived.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) {
                let line = arrived.readString(length: end - arrived.readerIndex) ?? ""
                arrived.moveReaderIndex(forwardBy: 1)
                server.lines.withLock { $0.append(line) }
                switch script(number, line) {
                case .lines(let replies):
                    let text = replies.map { $0 + "\n" }.joined()
                    context.writeAndFlush(NIOAny(ByteBuffer(string: text)), promise: nil)
                case .silence: break
                case .close: return context.close(promise: nil)
                }
            }
        }
    }
}

/// Runs a test with a server and a client, and shuts both down.
func withServer(
    token: String? = nil, deadline: Duration = .seconds(20), onUnavailable: UnavailableRule = .throwError,
    _ script: @escaping ScriptedServer.Script, _ body: (ScriptedServer, TollgateClient) async throws -> Void
) async throws {
    let server = try await ScriptedServer.start(script)
    let client = TollgateClient(server.address, token: token, deadline: deadline, onUnavailable: onUnavailable)
    let result: Result<Void, any Error>
    do { result = .success(try await body(server, client)) } catch { result = .failure(error) }
    await client.shutdown()
    try await server.stop()
    try result.get()
}

/// Retries for at most 20 seconds, then throws the last error.
func retrying<Value>(_ body: () async throws -> Value) async throws -> Value {
    let end = ContinuousClock.now + .seconds(20)
    while true {
        do {
            return try await body()
        } catch {
            guard ContinuousClock.now < end else { throw error }
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}
