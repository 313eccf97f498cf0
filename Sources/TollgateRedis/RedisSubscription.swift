package import Logging
package import NIOCore

/// Hears what is published on one channel, over a link of its own, again whenever that was lost. What was published in
/// between is not heard: ``onSubscribed`` is the moment to look what has changed.
///
/// Asks Redis regularly whether it is still there; a connection that does not answer in time is given up.
///
/// Bound to one event loop: made, called, and calling back there only. Has to be shut down once it was started.
package final class RedisSubscription {
    private let link: RedisLink
    private let channel: String
    private let pingInterval: TimeAmount
    private let patience: TimeAmount
    private var nextPing: Scheduled<Void>?
    private var isShutDown = false

    /// Whether everything that is published now will be heard.
    package private(set) var isLive = false
    /// Called when the subscription is live, the first time and every time after it was lost.
    package var onSubscribed: () -> Void = {}
    /// Called when a live subscription is lost; not by ``shutdown()``.
    package var onLost: () -> Void = {}
    /// Called with every message.
    package var onMessage: (String) -> Void = { _ in }

    /// A subscription that does nothing before ``start()``.
    ///
    /// - Parameters:
    ///   - pingInterval: How long after an answer Redis is asked again.
    ///   - patience: How long an answer may take.
    package init(
        address: RedisAddress, channel: String, eventLoop: any EventLoop, logger: Logger,
        pingInterval: TimeAmount = .seconds(2), patience: TimeAmount = .seconds(1)
    ) {
        link = RedisLink(address: address, eventLoop: eventLoop, logger: logger)
        self.channel = channel
        self.pingInterval = pingInterval
        self.patience = patience
        link.onStateChange = { [unowned self] status in status == .ready ? self.subscribe() : self.lost() }
        link.onPublished = { [unowned self] reply in self.take(reply) }
    }

    /// Starts to connect, and goes on for as long as it takes. Does nothing the second time.
    package func start() {
        link.start()
    }

    /// Ends it for good; completes when the connection is closed. Nothing is called from now on.
    package func shutdown() -> EventLoopFuture<Void> {
        isShutDown = true
        isLive = false
        nextPing?.cancel()
        return link.shutdown()
    }

    private func subscribe() {
        ask("SUBSCRIBE", channel) {
            self.isLive = true
            self.schedulePing()
            self.onSubscribed()
        }
    }

    private func schedulePing() {
        nextPing = link.eventLoop.assumeIsolated().scheduleTask(in: pingInterval) {
            self.ask("PING") { self.schedulePing() }
        }
    }

    /// Sends a command and calls `proceed` on its reply. Gives up the connection if the reply is an error or late.
    private func ask(_ words: String..., then proceed: @escaping () -> Void) {
        link.send(words, deadline: .now() + patience) { result in
            switch result {
            case .success(.error(let sentence)): self.link.disconnect(reason: "\(words[0]): \(sentence)")
            case .success: if !self.isShutDown { proceed() }
            case .failure(.timedOut):
                self.link.disconnect(reason: "no reply to \(words[0]) within \(self.patience.milliseconds) ms")
            case .failure: break
            }
        }
    }

    /// The answers to SUBSCRIBE and PING are arrays too: only what is published is ours.
    private func take(_ reply: RedisReply) -> Bool {
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
