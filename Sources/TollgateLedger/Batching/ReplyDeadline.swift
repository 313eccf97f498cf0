package import NIOCore
import TollgateRedis

/// The time within which one command has to be answered by Redis. Owned by the ledger's event loop.
///
/// An event loop looks at its timers before it reads its sockets: where it was busy for long, the reply may lie in the socket
/// when the time is over. So the reply is late only where the socket is empty too.
package final class ReplyDeadline {
    /// Until the socket has been read.
    package static let shortPause = TimeAmount.milliseconds(1)

    package let sentAt = NIODeadline.now()
    private let ledger: Ledger
    private let onLate: () -> Void
    private var timer: Scheduled<Void>?

    /// Starts now. `onLate` is called once, unless ``cancel()`` comes first.
    package init(_ ledger: Ledger, onLate: @escaping () -> Void) {
        self.ledger = ledger
        self.onLate = onLate
        schedule(at: sentAt + ledger.deadline)
    }

    package func cancel() {
        timer?.cancel()
        timer = nil
    }

    private func schedule(at time: NIODeadline) {
        timer = ledger.eventLoop.assumeIsolated().scheduleTask(deadline: time) { self.check() }
    }

    private func check() {
        guard timer != nil else { return }
        guard !ledger.link.hasUnreadBytes else { return schedule(at: .now() + Self.shortPause) }
        timer = nil
        onLate()
    }
}

extension TimeAmount {
    /// Rounded down.
    package var milliseconds: Int64 { nanoseconds / 1_000_000 }
}
