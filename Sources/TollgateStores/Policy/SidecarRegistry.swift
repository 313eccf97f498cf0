import TollgateRedis

/// A sidecar that shares the namespace, as it announced itself.
package struct AnnouncedSidecar: Sendable, Equatable {
    /// The unique id of the process.
    package var id: String
    /// The name for operators.
    package var name: String
    /// The digest of its policy file.
    package var digest: String
    /// The time of the last announcement, Unix ms by Redis's clock.
    package var at: Int64

    package init(id: String, name: String, digest: String, at: Int64 = 0) {
        self.id = id
        self.name = name
        self.digest = digest
        self.at = at
    }

    /// Decodes `1795264800000 0a1b2c3d4e5f host:42`; nil for any other text.
    fileprivate init?(id: String, _ text: String) {
        let words = text.split(separator: " ", maxSplits: 2)
        guard words.count == 3, let at = Int64(words[0]) else { return nil }
        self.init(id: id, name: String(words[2]), digest: String(words[1]), at: at)
    }
}

/// The registry of the running sidecars, in which each announces itself periodically.
package struct SidecarRegistry: Sendable {
    /// The lifetime of an announcement, ms.
    private static let lifetime: Int64 = 60_000
    /// The maximum number of sidecars that are read and retained.
    private static let maxSidecars = 1_000

    let link: StoreLink
    let key: String

    /// Returns the sidecars that announced themselves within the last minute, by name.
    package func recent() async throws(StoreError) -> [AnnouncedSidecar] {
        let replies = try await link.send([["TIME"], ["HGETALL", key]])
        let now = try replies[0].time()
        let all = try replies[1].pairs(of: key).compactMap { AnnouncedSidecar(id: $0.0, $0.1) }
        return all.filter { $0.at > now - Self.lifetime }.prefix(Self.maxSidecars).sorted { $0.name < $1.name }
    }

    /// Announces a sidecar. Returns the others that announced themselves within the last minute.
    package func announce(_ sidecar: AnnouncedSidecar) async throws(StoreError) -> [AnnouncedSidecar] {
        let replies = try await link.send([["TIME"], ["HGETALL", key]])
        let now = try replies[0].time()
        var (others, expired): ([AnnouncedSidecar], [String]) = ([], [])
        for (id, text) in try replies[1].pairs(of: key) where id != sidecar.id {
            let other = AnnouncedSidecar(id: id, text)
            if let other, other.at > now - Self.lifetime, others.count < Self.maxSidecars {
                others.append(other)
            } else {
                expired.append(id)
            }
        }
        var commands = [
            ["HSET", key, sidecar.id, "\(now) \(sidecar.digest) \(sidecar.name)"],
            ["PEXPIRE", key, "\(Self.lifetime)"],
        ]
        if !expired.isEmpty { commands.append(["HDEL", key] + expired) }
        for reply in try await link.send(commands) { _ = try reply.checked(of: key) }
        return others
    }
}
