import NIOCore

/// What happens to alerts, in the order in which it happens. Made by `TollgateClient.alerts(after:)`.
///
/// Each iteration has a connection of its own. When that is lost it is opened again, as often as it takes, and goes on behind the
/// last message that came: none is missed, as far as Redis keeps them (the last 10 000), and none comes twice. While the consumer
/// is busy with a message nothing is read from the connection but what has arrived, 64 KiB or so.
public struct AlertSequence: AsyncSequence, Sendable {
    /// A message.
    public typealias Element = AlertMessage

    let client: TollgateClient
    let cursor: String?

    /// Connects with the first message that is asked for.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(feed: AlertConsumer(client, after: cursor))
    }

    /// One iteration over messages; to be used by one task at a time.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let feed: AlertConsumer

        /// The next message; nil once the task is cancelled or the client shut down.
        ///
        /// - Throws: `TollgateClientError.refused` where the sidecar does not take the token or the cursor. A connection that is
        ///   lost, or cannot be opened, is no error.
        public mutating func next() async throws -> AlertMessage? {
            try await feed.next()
        }

        /// The same; for loops that run on an actor.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> AlertMessage? {
            try await feed.next()
        }
    }
}

/// Ends the connection of an iteration when nobody holds the iterator any more. Usable from any thread.
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
