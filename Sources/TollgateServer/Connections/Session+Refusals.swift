import Logging
import NIOCore
import TollgateWire

/// Clients that name a wrong token, or are none of ours.
extension Session {
    /// Where the client is, for the log: an IP address, or `unix`.
    private var address: String { context?.remoteAddress?.ipAddress ?? "unix" }

    /// A wrong token. Those that come after many from the same address are answered late, and end the connection.
    func refuseToken() {
        badTokens += 1
        let error = RequestError(.unauthenticated, "wrong token")
        guard worker.clients.wrongTokens.note(from: address) != nil else {
            refuse(error)
            if badTokens >= Self.maxBadTokens { closeAfterReplies() }
            return
        }
        pauseRequests(for: worker.wrongTokenDelay) { [self] in
            refuse(error)
            closeAfterReplies()
        }
    }

    /// Notes that a client speaks something else; it is being disconnected.
    func noteForeignTraffic(_ traffic: ForeignTraffic) {
        _ = worker.clients.foreignTraffic.note(from: address, metadata: ["spoke": "\(traffic)"])
    }
}
