import NIOCore
package import TollgateCore
import TollgateRedis

extension AlertStore {
    /// The alerts that are not resolved although what they count has stopped to count at a time (Unix ms), those that ended first before
    /// the others. `count` is 1 or more.
    package func ending(before time: Int64, atMost count: Int) async throws(StoreError) -> [Alert] {
        let reply = try await link.ask("ZRANGEBYSCORE", keys.ending, "-inf", "\(time)", "LIMIT", "0", "\(count)")
        let ids = try reply.texts(of: keys.ending)
        return try await alerts(ids, from: [keys.ending]).compactMap { $0 }.filter { $0.state != .resolved }
    }

    /// Puts off the time at which `ending` has an alert (Unix ms). Does nothing to one that never ends, or is resolved, or not there.
    package func postpone(_ id: String, to time: Int64) async throws(StoreError) {
        _ = try await link.ask("ZADD", keys.ending, "XX", "\(time)", id).checked(of: keys.ending)
    }
}
