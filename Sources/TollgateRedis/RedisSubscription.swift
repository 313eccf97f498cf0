package import Logging
package import NIOCore

/// A subscription to one channel over its own link, renewed whenever the connection is lost.
///
/// Messages published while the connection is down are lost: callers must catch up in ``onSubscribed``. The subscription
/// pings Redis regularly and closes a connection that does not reply in time.
///
/// Bound to one event loop: it is created and called there, and calls back there. A started subscription must be shut down.
package final class RedisSubscription {
    private let link: RedisLink
    private let channel: String
    private let pingInterval: TimeAmount
    private let replyTimeout: TimeAmount
    private var nextPing: Scheduled<Void>?
    private var isShutDown = false

    /// The log of the link. Set before ``start()``.
    package var log: RedisLinkLog {
        get { link.log }
        set { link.log = newValue }
    }

    /// Whether the subscription is active, so that messages published now are delivered.
    package private(set) var isLive = false
    /// Called when the subscription becomes active: the first time and after each loss.
    package var onSubscribed: () -> Void = {}
    /// Called when an active subscription is lost, but not by ``shutdown()``.
    package var onLost: () -> Void = {}
    /// Called with every message.
    package var onMessage: (String) -> Void = { _ in }

    /// Creates a subscription that does nothing before ``start()``.
    ///
    /// - Parameters:
    ///   - pingInterval: The delay between a reply and the next PING.
    ///   - patience: The maximum time for a reply.
    package init(
        address: RedisAddress, channel: String, eventLoop: any EventLoop, logger: Logger,
        pingInterval: TimeAmount = .seconds(2), patience: TimeAmount = .seconds(1)
    ) {
        link = RedisLink(address: address, eventLoop: eventLoop, logger: logger)
        self.channel = channel
        self.pingInterval = pingInterval
        replyTimeout = patience
        link.onStateChange = { [unowned self] status in status == .ready ? self.subscribe() : self.lost() }
        link.onPublished = { [unowned self] reply in self.deliver(reply) }
    }

    /// Starts connecting, and retries until it succeeds. Later calls have no effect.
    package func start() {
        link.start()
    }

    /// Ends the subscription permanently, without further callbacks. The future completes when the connection is closed.
    package func shutdown() -> EventLoopFuture<Void> {
        isShutDown = true
        isLive = false
        nextPing?.cancel()
        return link.shutdown()
    }

    private func subscribe() {
        send("SUBSCRIBE", channel) {
            self.isLive = true
            self.schedulePing()
            self.onSubscribed()
        }
    }

    private func schedulePing() {
        nextPing = link.eventLoop.assumeIsolated().scheduleTask(in: pingInterval) {
            self.send("PING") { self.schedulePing() }
        }
    }

    /// Sends a command and calls `proceed` on its reply. Closes the connection if the reply is an error or late.
    private func send(_ words: String..., then proceed: @escaping () -> Void) {
        link.send(words, deadline: .now() + replyTimeout) { result in
            switch result {
            case .success(.error(let sentence)): self.link.disconnect(reason: "\(words[0]): \(sentence)")
            case .success: if !self.isShutDown { proceed() }
            case .failure(.timedOut):
                self.link.disconnect(reason: "no reply to \(words[0]) within \(self.replyTimeout.milliseconds) ms")
            case .failure: break
            }
        }
    }

    /// Delivers a published message and returns true. Replies to SUBSCRIBE and PING are arrays too, and return false.
    private func deliver(_ reply: RedisReply) -> Bool {
        guard case .array(let parts) = reply, parts.count == 3, case .bulk(let kind) = parts[0],
            kind.readableBytesView.elementsEqual("message".utf8), case .bulk(let text) = parts[2]
        else { return false }
        if isLive { onMessage(String(buffer: text)) }
        return true
    }

    private func lost() {
        nextPing?.cancel()
        guard isLive else { return }
        isLive = false
        onLost()
    }
}
