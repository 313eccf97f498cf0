public import NIOCore
public import NIOPosix
import Synchronization
// Callers use `Scope`, `Amounts` and `Decision`, which Core declares, without a second import.
@_exported public import TollgateCore
import TollgateWire

/// A client of one sidecar, for any number of concurrent tasks.
///
/// All calls share one connection. They are pipelined, and replies arrive in request order. The first call opens the
/// connection, and the first call after a disconnect reopens it.
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
    /// The interval of PINGs on connections for alerts.
    let pingInterval: TimeAmount

    /// Creates a client. It does not connect until the first call.
    ///
    /// - Parameters:
    ///   - token: The token that the client sends with AUTH on each connection. Nil if the sidecar requires none.
    ///   - deadline: The time limit of a call, including connecting. For retried calls it applies to each attempt.
    ///   - onUnavailable: The behaviour of `check`, `peek` and `reserve` if the sidecar makes no decision.
    ///   - eventLoopGroup: The group whose event loop carries the connection. The client does not shut it down.
    public convenience init(
        _ address: TollgateAddress, token: String? = nil, deadline: Duration = .seconds(1),
        onUnavailable: UnavailableRule = .throwError,
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) {
        self.init(
            address, token: token, deadline: deadline, onUnavailable: onUnavailable, eventLoopGroup: eventLoopGroup,
            pingInterval: .seconds(15))
    }

    /// Creates a client with another PING interval, for tests.
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

    /// Closes the connection. Waiting and later calls throw `TollgateClientError.closed`.
    public func shutdown() async {
        try? await eventLoop.flatSubmit { [link] in link.value.shutDown() }.get()
    }

    /// Sends one request line, including its line end, and returns the reply line.
    ///
    /// Throws `TollgateClientError`. If the task is cancelled, it throws `CancellationError` and drops the reply.
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

    /// Sends one request line and parses the reply. Throws `TollgateClientError` if the reply is an `ERR`.
    func reply(to request: ByteBuffer) async throws -> Reply {
        let line = try await send(request)
        let result = Result { try Array(line.utf8).withUnsafeBytes { bytes in try ReplyParser.parse(bytes) } }
        switch result {
        case .success(.error(let code, let sentence)): throw TollgateClientError.refused(code: code, sentence: sentence)
        case .success(let reply): return reply
        case .failure(let error): throw TollgateClientError.unavailable("\(error)")
        }
    }

    /// Creates the connection of an iteration over alerts. It does not connect yet.
    func makeAlertLink(after cursor: String?) -> NIOLoopBoundBox<AlertLink> {
        let alerts = NIOLoopBoundBox.makeBoxSendingValue(
            AlertLink(
                eventLoop: eventLoop, address: address, token: token, deadline: deadline, pingInterval: pingInterval,
                cursor: cursor),
            eventLoop: eventLoop)
        eventLoop.execute { [link] in link.value.register(alerts.value) }
        return alerts
    }

    /// Returns the error for a reply of the wrong type.
    func unexpected(_ reply: Reply) -> TollgateClientError {
        .unavailable("unexpected reply: \(reply)")
    }
}

/// The behaviour of `check`, `peek` and `reserve` if the sidecar makes no decision, because it is down, too slow, or
/// replies `busy`.
public enum UnavailableRule: Sendable, Hashable {
    /// Returns a decision that allows, with `isDegraded` set. `reserve` returns a reservation without a token.
    case allow
    /// Returns a decision that denies, with `isDegraded` set and no reason. `reserve` throws it as `OverLimit`.
    case deny
    /// Throws the error.
    case throwError

    /// The decision to return, or nil to throw the error.
    var decision: Decision? {
        switch self {
        case .allow: Decision(allowed: true, isDegraded: true)
        case .deny: Decision(allowed: false, isDegraded: true)
        case .throwError: nil
        }
    }
}
