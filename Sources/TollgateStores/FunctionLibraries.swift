import TollgateLedger
import TollgateRedis

/// The function libraries in Redis: notes which ones sidecars use, and deletes those that none uses any more.
///
/// Each version of Tollgate has its own library, so several exist during an upgrade. It can be used from any task.
package struct FunctionLibraries: Sendable {
    /// The time after which a library that no sidecar has noted is deleted, ms.
    static let maxUnused: Int64 = 86_400_000
    /// The retention of the notes after the last one, ms.
    private static let retention: Int64 = 90 * 86_400_000

    private let link: StoreLink
    private let key: String

    package init(link: StoreLink, namespace: String) {
        self.link = link
        key = PolicyKeys(namespace: namespace).libraries
    }

    /// Records that a library is in use, and deletes libraries that no sidecar has used for a day.
    ///
    /// If a library is still used in another namespace, its sidecars load it again.
    ///
    /// - Parameter now: The time in Unix ms; nil for Redis's.
    /// - Returns: Redis's sentence if it denies the deletion; nil otherwise.
    package func keep(
        _ library: String = RedisLibrary.tollgate.name, at now: Int64? = nil
    ) async throws(StoreError) -> String? {
        let replies = try await link.send([["TIME"], ["HGETALL", key]])
        let now = if let now { now } else { try replies[0].time() }
        for reply in try await link.send([
            ["HSET", key, library, "\(now)"], ["PEXPIRE", key, "\(Self.retention)"],
        ]) { _ = try reply.checked(of: key) }
        for (name, time) in try replies[1].pairs(of: key) where name != library {
            guard (Int64(time) ?? 0) <= now - Self.maxUnused else { continue }
            if let denial = try await delete(name) { return denial }
        }
        return nil
    }

    /// Returns Redis's sentence if it denies the deletion.
    private func delete(_ library: String) async throws(StoreError) -> String? {
        let reply = try await link.send("FUNCTION", "DELETE", library)
        if case .error(let sentence) = reply, !sentence.hasPrefix("ERR Library not found") { return sentence }
        _ = try await link.send("HDEL", key, library).checked(of: key)
        return nil
    }
}
