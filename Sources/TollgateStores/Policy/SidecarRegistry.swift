import NIOCore
import TollgateRedis

/// A sidecar that shares the namespace, as it has announced itself. A plain value.
package struct AnnouncedSidecar: Sendable, Equatable {
    /// No other's.
    package var id: String
    /// What people know it by.
    package var name: String
    /// Of its policy file.
    package var digest: String
    /// When it last did, Unix ms by Redis's clock.
    package var at: Int64

    package init(id: String, name: String, digest: String, at: Int64 = 0) {
        self.id = id
        self.name = name
        self.digest = digest
        self.at = at
    }
}

extension PolicyStore {
    /// Who has announced itself longer ago is gone, ms.
    private static let announcedFor: Int64 = 60_000
    /// The most that are read and kept.
    private static let maxSidecars = 1_000

    /// Announces a sidecar to the others that share the namespace; returns those that have announced themselves within the last
    /// minute.
    package func announce(_ sidecar: AnnouncedSidecar) async throws(StoreError) -> [AnnouncedSidecar] {
        let replies = try await link.ask([["TIME"], ["HGETALL", keys.sidecars]])
        let now = try replies[0].time()
        let words = try replies[1].texts(of: keys.sidecars)
        var (others, gone): ([AnnouncedSidecar], [String]) = ([], [])
        for place in stride(from: 0, to: words.count - 1, by: 2) where words[place] != sidecar.id {
            let other = AnnouncedSidecar(id: words[place], words[place + 1])
            if let other, other.at > now - Self.announcedFor, others.count < Self.maxSidecars {
                others.append(other)
            } else {
                gone.append(words[place])
            }
        }
        var commands = [
            ["HSET", keys.sidecars, sidecar.id, "\(now) \(sidecar.digest) \(sidecar.name)"],
            ["PEXPIRE", keys.sidecars, "\(Self.announcedFor)"],
        ]
        if !gone.isEmpty { commands.append(["HDEL", keys.sidecars] + gone) }
        for reply in try await link.ask(commands) { _ = try reply.checked(of: keys.sidecars) }
        return others
    }
}

extension AnnouncedSidecar {
    /// `1795264800000 0a1b2c3d4e5f host:42`
    fileprivate init?(id: String, _ text: String) {
        let words = text.split(separator: " ", maxSplits: 2)
        guard words.count == 3, let at = Int64(words[0]) else { return nil }
        self.init(id: id, name: String(words[2]), digest: String(words[1]), at: at)
    }
}
