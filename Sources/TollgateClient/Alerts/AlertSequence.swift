import NIOCore

/// The changes of alerts, in order. `TollgateClient.alerts(after:)` returns one.
///
/// Each iteration has its own connection. After a disconnect it reconnects until it succeeds and resumes after the last
/// message, so it delivers each message once. Redis retains the last 10 000 messages. While the consumer is busy, the
/// connection buffers at most one read, about 64 KiB.
public struct AlertSequence: AsyncSequence, Sendable {
    /// A change of an alert's state.
    public typealias Element = AlertMessage

    let client: TollgateClient
    let cursor: String?

    /// Creates an iterator, which connects when its first message is requested.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(feed: AlertConsumer(client, after: cursor))
    }

    /// An iterator over messages, for one task at a time.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let feed: AlertConsumer

        /// Returns the next message, or nil if the task is cancelled or the client is shut down.
        ///
        /// - Throws: `TollgateClientError.refused` if the sidecar rejects the token or the cursor. Connection failures
        ///   are retried and not thrown.
        public mutating func next() async throws -> AlertMessage? {
            try await feed.next()
        }

        /// Returns the next message, or nil if the task is cancelled or the client is shut down. For loops that run on
        /// an actor.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> AlertMessage? {
            try await feed.next()
        }
    }
}

/// Ends the link of an iteration when its iterator is released. Usable from any thread.
final class AlertConsumer: Sendable {
    private let client: TollgateClient
    private let link: NIOLoopBoundBox<AlertLink>

    init(_ client: TollgateClient, after cursor: String?) {
        self.client = client
        link = client.makeAlertLink(after: cursor)
    }

    deinit {
        link.eventLoop.execute { [link] in link.value.end() }
    }

    func next() async throws -> AlertMessage? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                link.eventLoop.execute { [link] in link.value.take(continuation) }
            }
        } onCancel: {
            link.eventLoop.execute { [link] in link.value.end() }
        }
    }
}

extension TollgateClient {
    /// Returns the changes of alerts of all scopes and sidecars.
    ///
    ///     for try await message in client.alerts(after: try lastCursor()) {
    ///         if message.event == .opened, message.alert.severity == .critical { try await page(message.alert) }
    ///         try saveCursor(message.cursor)
    ///     }
    ///
    /// The sequence survives disconnects and restarts of the sidecar. It ends when the task is cancelled or the client
    /// is shut down.
    ///
    /// - Parameter cursor: The cursor of the last message that was processed. Nil starts with the next message. A
    ///   cursor older than the retained messages starts with the oldest one.
    /// - Returns: A sequence that can be iterated any number of times. It retains the client.
    public func alerts(after cursor: String? = nil) -> AlertSequence {
        AlertSequence(client: self, cursor: cursor)
    }
}
