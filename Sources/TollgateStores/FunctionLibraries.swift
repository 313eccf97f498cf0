import TollgateLedger
import TollgateRedis

/// The libraries of functions in Redis: which of them sidecars use, and the deletion of those that none uses any more.
///
/// Each version of Tollgate has its own, and versions stand beside each other during an upgrade. Usable from any task.
package struct FunctionLibraries: Sendable {
    /// A library that nobody has noted for as long is deleted, ms.
    static let keptUnused: Int64 = 86_400_000
    /// The notes themselves go when no sidecar is left, ms.
    private static let notesKept: Int64 = 90 * 86_400_000

    private let link: StoreLink
    private let key: String

    package init(link: StoreLink, namespace: String) {
        self.link = link
        key = PolicyKeys(namespace: namespace).libraries
    }

    /// Notes that a library is used, and deletes those that nobody has noted for a day.
    ///
    /// A library that another namespace uses is loaded again by its sidecars.
    ///
    /// - Parameter now: The time in Unix ms; nil for Redis's.
    /// - Returns: Redis's sentence where it denies the deletion; nil otherwise.
    package func keep(
        _ library: String = RedisLibrary.tollgate.name, at now: Int64? = nil
    ) async throws(StoreError) -> String? {
        let replies = try await link.ask([["TIME"], ["HGETALL", key]])
        let now = if let now { now } else { try replies[0].time() }
        for reply in try await link.ask([
            ["HSET", key, library, "\(now)"], ["PEXPIRE", key, "\(Self.notesKept)"],
        ]) { _ = try reply.checked(of: key) }
        let words = try replies[1].texts(of: key)
        for place in stride(from: 0, to: words.count - 1, by: 2) where words[place] != library {
            guard (Int64(words[place + 1]) ?? 0) <= now - Self.keptUnused else { continue }
            if let denial = try await delete(words[place]) { return denial }
        }
        return nil
    }

    /// Returns Redis's sentence where it denies the deletion.
    private func delete(_ library: String) async throws(StoreError) -> String? {
        let reply = try await link.ask("FUNCTION", "DELETE", library)
        if case .error(let sentence) = reply, !sentence.hasPrefix("ERR Library not found") { return sentence }
        _ = try await link.ask("HDEL", key, library).checked(of: key)
        return nil
    }
}
