public import NIOCore
public import NIOPosix
import Synchronization
import TollgateCore
import TollgateWire

/// A client of one sidecar. May be used by any number of tasks at once: all calls share one connection, are sent without
/// waiting for each other, and get their replies in order. The connection is opened by the first call, and again by the
/// first call after it was lost.
///
///     let client = TollgateClient(.local, onUnavailable: .allow)
///     let page = try await client.guarded(.user("alice"), .tool("search"), amounts: Amounts(tokens: 2_000)) { _ in
///         let answer = try await search("swift")
///         return (answer.page, Amounts(tokens: answer.tokens))
///     }
public final class TollgateClient: Sendable {
    private let eventLoop: any EventLoop
    private let link: NIOLoopBoundBox<ClientLink>
    let onUnavailable: UnavailableRule
    private let address: TollgateAddress
    private let token: String?
    private let deadline: TimeAmount
    /// Of connections for alerts.
    let pingInterval: TimeAmount

    /// Opens nothing yet.
    ///
    /// - Parameters:
    ///   - token: Sent first on each connection, where the sidecar asks for one.
    ///   - deadline: How long a call may take, opening the connection included; each attempt of those that are repeated.
    ///   - onUnavailable: What `check`, `peek` and `reserve` do when nobody can decide.
    ///   - eventLoopGroup: One of its event loops carries the connection. Not shut down by the client.
    public convenience init(
        _ address: TollgateAddress, token: String? = nil, deadline: Duration = .seconds(1),
        onUnavailable: UnavailableRule = .throwError,
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) {
        self.init(
            address, token: token, deadline: deadline, onUnavailable: onUnavailable, eventLoopGroup: eventLoopGroup,
            pingInterval: .seconds(15))
    }

    /// The same with another interval of the signs of life that connections for alerts are asked for.
    init(
        _ address: TollgateAddress, token: String?, deadline: Duration, onUnavailable: UnavailableRule,
        eventLoopGroup: any EventLoopGroup, pingInterval: TimeAmount
    ) {
        eventLoop = eventLoopGroup.next()
        self.onUnavailable = onUnavailable
        self.address = address
        self.token = token
        self.deadline = TimeAmount(deadline)
        self.pingInterval = pingInterval
        link = NIOLoopBoundBox.makeBoxSendingValue(
            ClientLink(eventLoop: eventLoop, address: address, token: token, deadline: TimeAmount(deadline)),
            eventLoop: eventLoop)
    }

    deinit {
        eventLoop.execute { [link] in _ = link.value.shutDown() }
    }

    /// Closes the connection. Calls that wait for a reply, and all later ones, throw `TollgateClientError.closed`.
    public func shutdown() async {
        try? await eventLoop.flatSubmit { [link] in link.value.shutDown() }.get()
    }

    /// Sends one request line, given with its end, and gives the reply line.
    ///
    /// Throws a `TollgateClientError`, or a `CancellationError` when the task is cancelled; the reply is dropped then.
    package func send(_ request: ByteBuffer) async throws -> String {
        let token = CallToken()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                eventLoop.execute { [link] in
                    link.value.submit(Call(token: token, request: request, continuation: continuation))
                }
            }
        } onCancel: {
            token.isCancelled.store(true, ordering: .releasing)
            eventLoop.execute { [link] in link.value.cancel(token) }
        }
    }

    /// Sends one request line and reads the reply. Throws where that is an `ERR`.
    func reply(to request: ByteBuffer) async throws -> Reply {
        let line = try await send(request)
        let result = Result { try Array(line.utf8).withUnsafeBytes { bytes in try ReplyParser.parse(bytes) } }
        switch result {
        case .success(.error(let code, let sentence)): throw TollgateClientError.refused(code: code, sentence: sentence)
        case .success(let reply): return reply
        case .failure(let error): throw TollgateClientError.unavailable("\(error)")
        }
    }

    /// The connection of an iteration over alerts. Opens nothing yet.
    func makeAlertLink(after cursor: String?) -> NIOLoopBoundBox<AlertLink> {
        let alerts = NIOLoopBoundBox.makeBoxSendingValue(
            AlertLink(
                eventLoop: eventLoop, address: address, token: token, deadline: deadline, pingInterval: pingInterval,
                cursor: cursor),
            eventLoop: eventLoop)
        eventLoop.execute { [link] in link.value.adopt(alerts.value) }
        return alerts
    }

    /// For a reply that does not answer the request.
    func unexpected(_ reply: Reply) -> TollgateClientError {
        .unavailable("the reply does not answer the request: \(reply)")
    }
}
