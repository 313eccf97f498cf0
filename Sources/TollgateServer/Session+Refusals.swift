import Logging
import NIOCore
import TollgateWire

/// Clients that are none of ours.
extension Session {
    /// Where the client is, for the log: an IP address, or `unix`.
    private var address: String { context?.remoteAddress?.ipAddress ?? "unix" }

    /// Notes that a client speaks something else; it is being disconnected.
    func noteForeignTraffic(_ traffic: ForeignTraffic) {
        _ = worker.clients.foreignTraffic.note(from: address, metadata: ["spoke": "\(traffic)"])
    }
}
