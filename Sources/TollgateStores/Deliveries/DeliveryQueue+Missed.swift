import NIOCore
import TollgateRedis

extension DeliveryQueue {
    /// Entries that newer ones have driven out of the stream before anybody read them for this receiver.
    package enum Missed: Sendable, Equatable {
        case count(Int64)
        /// Redis does not know how many.
        case unknown
    }

    /// Puts on record, among what was given up, that entries were missed; the group then goes on behind the gap, so that a gap is found
    /// once. Redis before 7 cannot tell.
    ///
    /// - Returns: nil where none were, or another sidecar has the lease by now.
    package func deadLetterMissed(by sidecar: String) async throws(StoreError) -> Missed? {
        let keys = [keys.lease(receiver), keys.deliveries, keys.deadLetters(receiver)]
        let reply = try await link.call(Self.missedFunction, keys: keys, arguments: [sidecar, receiver])
        guard case .integer(let count) = try reply.checked(of: keys[1]) else { throw .unexpectedReply(about: keys[1]) }
        switch count {
        case 0: return nil
        case -1: return .unknown
        default: return .count(count)
        }
    }
}
