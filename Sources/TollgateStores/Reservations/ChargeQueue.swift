package import TollgateCore
package import TollgateLedger
import TollgateRedis

/// The scopes with reservations that are charged when they expire, by the time of the next sweep. The batch function
/// writes the queue (batch/charges.lua): a RESERVE adds its scopes, and a sweep moves or removes them.
package struct ChargeQueue: Sendable {
    /// Scopes whose time has come.
    package struct Due: Sendable {
        /// The scopes, longest due first within a partition.
        package var scopes: [Scope] = []
        /// The reasons why parts of the queue could not be read.
        package var faults: [StoreError] = []
    }

    /// The number of partitions that are read in one pipeline.
    private static let maxPipelined = 256

    private let link: StoreLink
    private let keySpace: KeySpace

    package init(link: StoreLink, keySpace: KeySpace) {
        self.link = link
        self.keySpace = keySpace
    }

    /// Returns the scopes that are due by Redis's clock.
    ///
    /// - Parameter count: The maximum number for each partition, 1 or more.
    package func due(atMost count: Int) async throws(StoreError) -> Due {
        let partitions = keySpace.allPartitions
        var due = Due()
        for start in stride(from: 0, to: partitions.count, by: Self.maxPipelined) {
            let keys = partitions[start..<min(start + Self.maxPipelined, partitions.count)].map(keySpace.chargeQueue)
            let replies = try await link.send(
                [["TIME"]] + keys.map { ["ZRANGE", $0, "0", "\(count - 1)", "WITHSCORES"] })
            let now = Double(try replies[0].time())
            for (key, reply) in zip(keys, replies.dropFirst()) { await add(reply, of: key, at: now, to: &due) }
        }
        return due
    }

    /// Adds the due members of a partition. Members that are not scopes are removed: nothing writes them.
    private func add(_ reply: RedisReply, of key: String, at now: Double, to due: inout Due) async {
        do throws(StoreError) {
            let members = try reply.pairs(of: key).filter { (Double($0.1) ?? 0) <= now }.map(\.0)
            for member in members {
                if let scope = try? Scope(parsing: member) {
                    due.scopes.append(scope)
                } else {
                    _ = try await link.send([["ZREM", key, member]], isChange: true)
                }
            }
        } catch {
            due.faults.append(error)
        }
    }

    /// Postpones the sweep of a scope by a time in ms, if it is in the queue.
    package func postpone(_ scope: Scope, by delay: Int64) async throws(StoreError) {
        let key = keySpace.chargeQueue(in: keySpace.partition(of: scope))
        let now = try await link.send("TIME").time()
        let command = ["ZADD", key, "XX", "\(now + delay)", scope.description]
        _ = try await link.send([command], isChange: true)[0].checked(of: key)
    }
}
