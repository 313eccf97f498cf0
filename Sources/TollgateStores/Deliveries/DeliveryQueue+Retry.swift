import NIOCore
import TollgateCore
import TollgateLedger
import TollgateRedis

extension DeliveryQueue {
    private static let retryFunction = RedisFunction("delivery/retry")

    /// Makes all failed deliveries due now, ends the stored outage of the receiver, and queues the dead-lettered
    /// deliveries again whose events are still in the stream. The sidecar with the lease notices within a second.
    ///
    /// Only deliveries that are dead-lettered at the start are queued, each once, in parts that Redis handles
    /// atomically.
    ///
    /// - Throws: `.corrupt` if a key has another type; `.unknownOutcome` if some of the deliveries may have been queued.
    package func retry() async throws(StoreError) -> DeliveryRetry {
        let keys = [keys.deliveries, keys.attempts(receiver), keys.deadLetters(receiver), keys.retries(receiver)]
        var (total, position, last) = (DeliveryRetry(), "", "")
        repeat {
            let reply = try await link.call(
                Self.retryFunction, keys: keys, arguments: [receiver, Self.consumer, position, last], isChange: true)
            guard case .array(let parts) = try reply.checked(of: keys[2]), parts.count == 6,
                case .bulk(let status) = parts[0], case .bulk(let next) = parts[1], case .bulk(let end) = parts[2],
                case .integer(let retried) = parts[3], case .integer(let requeued) = parts[4],
                case .integer(let unavailable) = parts[5]
            else { throw .unexpectedReply(about: keys[2]) }
            (position, last) = (String(buffer: next), String(buffer: end))
            switch String(buffer: status) {
            case "done": break
            case "no_group": return total  // No sidecar delivers to it yet, so nothing waits.
            case "other_type": throw .corrupt("\(Int(position).map { keys[$0 - 1] } ?? keys[2]): wrong data type")
            default: throw .unexpectedReply(about: keys[2])
            }
            total.retried += Int(retried)
            total.requeued += Int(requeued)
            total.unavailable += Int(unavailable)
        } while !position.isEmpty
        return total
    }
}
