package import TollgateRedis

/// A sidecar that shares the namespace, as it announced itself.
package struct AnnouncedSidecar: Sendable, Equatable {
    /// What a sidecar announces of itself besides its policy.
    package struct Details: Sendable, Equatable {
        package var version: String
        /// The time of its start, Unix ms by its own clock.
        package var startedAt: Int64
        /// The addresses for clients, separated by commas; empty before it listens.
        package var listen: String

        package init(version: String, startedAt: Int64, listen: String) {
            self.version = version
            self.startedAt = startedAt
            self.listen = listen
        }

        /// Decodes `0.1.0 1795264800000 127.0.0.1:7379`; nil for any other text.
        fileprivate init?(_ text: String) {
            let words = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
            guard words.count == 3, let startedAt = Int64(words[1]) else { return nil }
            self.init(version: String(words[0]), startedAt: startedAt, listen: String(words[2]))
        }

        fileprivate var text: String { "\(version) \(startedAt) \(listen)" }
    }

    /// The unique id of the process.
    package var id: String
    /// The name for operators: `host:process`.
    package var name: String
    /// The digest of its policy file.
    package var digest: String
    /// The time of the last announcement, Unix ms by Redis's clock.
    package var at: Int64
    /// The time since the last announcement when it was read, ms.
    package var age: Int64 = 0
    /// Nil for versions that do not announce them.
    package var details: Details?

    package init(id: String, name: String, digest: String, at: Int64 = 0, details: Details? = nil) {
        self.id = id
        self.name = name
        self.digest = digest
        self.at = at
        self.details = details
    }

    /// The host of the name, and the process id if the name has one.
    package var hostAndProcess: (host: String, process: Int32?) {
        guard let colon = name.lastIndex(of: ":"), let process = Int32(name[name.index(after: colon)...]) else {
            return (name, nil)
        }
        return (String(name[..<colon]), process)
    }

    /// The addresses for clients; empty if they are not known.
    package var addresses: [String] { (details?.listen ?? "").split(separator: ",").map(String.init) }

    /// Decodes `1795264800000 0a1b2c3d4e5f host:42`; nil for any other text.
    fileprivate init?(id: String, _ text: String, at now: Int64) {
        let words = text.split(separator: " ", maxSplits: 2)
        guard words.count == 3, let at = Int64(words[0]) else { return nil }
        self.init(id: id, name: String(words[2]), digest: String(words[1]), at: at)
        age = max(now - at, 0)
    }

    fileprivate func text(at now: Int64) -> String { "\(now) \(digest) \(name)" }
}

/// The registry of the running sidecars, in which each announces itself periodically.
///
/// The details have a key of their own, because earlier versions delete what they cannot read in the first.
package struct SidecarRegistry: Sendable {
    /// The lifetime of an announcement, ms.
    package static let lifetime: Int64 = 60_000
    /// The maximum number of sidecars that are read and retained.
    private static let maxSidecars = 1_000

    private let link: StoreLink
    private let keys: PolicyKeys

    init(link: StoreLink, keys: PolicyKeys) {
        self.link = link
        self.keys = keys
    }

    /// The commands that read the registry of a namespace, for ``sidecars(in:)``.
    package static func commands(namespace: String) -> [[String]] {
        commands(PolicyKeys(namespace: namespace))
    }

    private static func commands(_ keys: PolicyKeys) -> [[String]] {
        [["TIME"], ["HGETALL", keys.sidecars], ["HGETALL", keys.sidecarDetails]]
    }

    /// Decodes the replies to ``commands(namespace:)``: the sidecars that announced themselves within the last minute,
    /// by name.
    package static func sidecars(in replies: [RedisReply]) throws(StoreError) -> [AnnouncedSidecar] {
        let now = try replies[0].time()
        let details = Dictionary(try replies[2].pairs(of: "sidecars:details")) { $1 }
        return try replies[1].pairs(of: "sidecars").compactMap { id, text in
            var sidecar = AnnouncedSidecar(id: id, text, at: now)
            sidecar?.details = details[id].flatMap(AnnouncedSidecar.Details.init)
            return sidecar
        }.filter { $0.at > now - lifetime }.prefix(maxSidecars).sorted { ($0.name, $0.id) < ($1.name, $1.id) }
    }

    /// Returns the sidecars that announced themselves within the last minute, by name.
    package func recent() async throws(StoreError) -> [AnnouncedSidecar] {
        try Self.sidecars(in: await link.send(Self.commands(keys)))
    }

    /// Announces a sidecar. Returns the others that announced themselves within the last minute.
    package func announce(_ sidecar: AnnouncedSidecar) async throws(StoreError) -> [AnnouncedSidecar] {
        // The details first: who announces itself meanwhile writes them last.
        let replies = try await link.send([["TIME"], ["HGETALL", keys.sidecarDetails], ["HGETALL", keys.sidecars]])
        let now = try replies[0].time()
        var others: [AnnouncedSidecar] = []
        // Earlier versions delete announcements without their details.
        var expired = Set(try replies[1].pairs(of: keys.sidecarDetails).map(\.0)).subtracting([sidecar.id])
        for (id, text) in try replies[2].pairs(of: keys.sidecars) where id != sidecar.id {
            let other = AnnouncedSidecar(id: id, text, at: now)
            if let other, other.at > now - Self.lifetime, others.count < Self.maxSidecars {
                others.append(other)
                expired.remove(id)
            } else {
                expired.insert(id)
            }
        }
        var commands = [
            ["HSET", keys.sidecars, sidecar.id, sidecar.text(at: now)],
            ["PEXPIRE", keys.sidecars, "\(Self.lifetime)"],
        ]
        if let details = sidecar.details {
            commands.append(["HSET", keys.sidecarDetails, sidecar.id, details.text])
            commands.append(["PEXPIRE", keys.sidecarDetails, "\(Self.lifetime)"])
        }
        if !expired.isEmpty { commands += deletions(of: expired.sorted()) }
        for reply in try await link.send(commands) { _ = try reply.checked(of: keys.sidecars) }
        return others
    }

    /// Removes a sidecar that ends.
    package func withdraw(_ id: String) async throws(StoreError) {
        for reply in try await link.send(deletions(of: [id])) { _ = try reply.checked(of: keys.sidecars) }
    }

    private func deletions(of ids: [String]) -> [[String]] {
        [["HDEL", keys.sidecars] + ids, ["HDEL", keys.sidecarDetails] + ids]
    }
}
