import NIOCore
import TollgateCore
import TollgatePolicy
import TollgateRedis

extension DeliveryQueue {
    /// Notes that a delivery has failed, and when it is tried again.
    ///
    /// - Returns: false where another sidecar has the lease by now, and nothing was noted.
    package func note(_ failure: FailedDelivery, of id: String, by sidecar: String) async throws(StoreError) -> Bool {
        guard let json = try? CanonicalJSON.text(failure) else { throw .unavailable("cannot be written as JSON") }
        return try await settle(id, by: sidecar, ["again", json])
    }

    /// Notes that the receiver as a whole fails, so that another sidecar keeps to it too. The next `acknowledge` that says so takes it
    /// back.
    ///
    /// - Returns: false where another sidecar has the lease by now, and nothing was noted.
    package func note(_ outage: ReceiverOutage, by sidecar: String) async throws(StoreError) -> Bool {
        guard let json = try? CanonicalJSON.text(outage) else { throw .unavailable("cannot be written as JSON") }
        return try await settle(Self.outage, by: sidecar, ["again", json])
    }

    /// Gives a delivery up: it is not tried again, and can be looked at for 90 days, as one of the last 1000.
    ///
    /// - Parameter failure: its `lastError` is the reason; its `nextAt` is not looked at.
    /// - Returns: false where another sidecar has the lease by now, and nothing was changed.
    package func deadLetter(_ failure: FailedDelivery, of id: String, by sidecar: String) async throws(StoreError)
        -> Bool
    {
        try await settle(
            id, by: sidecar,
            [
                "dead-letter", "delivery", id, "alert", failure.alert, "event", failure.event, "attempts",
                "\(failure.attempts)", "first_at", "\(failure.firstAt)", "reason", failure.lastError,
            ])
    }

    private func settle(_ id: String, by sidecar: String, _ rest: [String]) async throws(StoreError) -> Bool {
        let keys = [keys.lease(receiver), keys.deliveries, keys.attempts(receiver), keys.deadLetters(receiver)]
        let reply = try await link.call(
            Self.settleFunction, keys: keys, arguments: [sidecar, receiver, id] + rest)
        guard case .bulk(let word) = try reply.checked(of: keys[3]) else { throw .unexpectedReply(about: keys[3]) }
        switch String(buffer: word) {
        case "done", "settled": return true
        case "other": return false
        case "other_type": throw .corrupt("\(keys[3]): is of another type")
        default: throw .unexpectedReply(about: keys[3])
        }
    }
}
