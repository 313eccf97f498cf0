import NIOCore
package import TollgateLedger
package import TollgateRedis

/// What a sidecar remembers of the data in Redis, by which it finds out that they were lost or are those of an earlier time
/// (policy/run_marker.lua). A plain value.
package struct RunMarker: Sendable, Equatable, Codable {
    /// 0 remembers nothing.
    package var generation: Int64 = 0
    /// The name of the generation; no other's.
    package var id = ""
    /// How often sidecars have looked at the data.
    package var count: Int64 = 0

    package init() {}

    /// What a look has found.
    package enum Finding: String, Sendable {
        /// Nobody has looked before.
        case new
        /// Nothing is missing.
        case seen
        /// There is no marker any more: the data are gone.
        case gone
        /// The data are those of an earlier time.
        case older
        /// Another sidecar has found that the data are gone or older.
        case noticed

        package var isLoss: Bool { self == .gone || self == .older || self == .noticed }
    }

    package static let function = RedisFunction("policy/run_marker")

    /// The arguments for the next look. `revision`: the highest that the sidecar has seen.
    package func arguments(keySpace: KeySpace, revision: Int64) -> RedisFunctionArguments {
        let keys = PolicyKeys(namespace: keySpace.namespace)
        let nextID = String(UInt64.random(in: .min ... .max), radix: 16)
        return RedisFunctionArguments(
            keys: [keys.marker, keys.revision, keys.scratch],
            arguments: [
                "\(generation)", id, "\(count)", "\(revision)", nextID, "\(KeySpace.layout)", keySpace.partitionsText,
            ])
    }

    /// What a look has found, the revision that was there, below 0 where it is no number, and whether the keys are named as this
    /// sidecar names them. From now on what it has found is remembered. Nil for a reply that cannot be read.
    package mutating func take(_ reply: RedisReply) -> (finding: Finding, revision: Int64, hasOurLayout: Bool)? {
        guard case .array(let parts) = reply, parts.count == 6, case .bulk(let word) = parts[0],
            let finding = Finding(rawValue: String(buffer: word)), case .integer(let generation) = parts[1],
            case .bulk(let id) = parts[2], case .integer(let count) = parts[3], case .integer(let revision) = parts[4],
            case .integer(let isOurs) = parts[5]
        else { return nil }
        let isKnown = generation == self.generation
        (self.generation, self.id, self.count) = (generation, String(buffer: id), count)
        // Of two looks under way at a time the second finds what the first has begun.
        return (finding == .noticed && isKnown ? .seen : finding, revision, isOurs == 1)
    }
}
