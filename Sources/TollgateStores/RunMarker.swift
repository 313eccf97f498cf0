import NIOCore
package import TollgateLedger
package import TollgateRedis

/// A sidecar's memory of the marker in Redis, by which it detects lost or older data (policy/run_marker.lua).
package struct RunMarker: Sendable, Equatable, Codable {
    /// The number of the generation of data; 0 before the first check.
    package var generation: Int64 = 0
    /// The unique id of the generation.
    package var id = ""
    /// The number of checks that sidecars have made.
    package var count: Int64 = 0

    package init() {}

    /// The result of a check.
    package enum Finding: String, Sendable {
        /// There has never been a check.
        case new
        /// No data is missing.
        case seen
        /// The marker no longer exists: the data is lost.
        case gone
        /// The data is older than what the sidecar has seen.
        case older
        /// Another sidecar has detected that the data is lost or older.
        case noticed

        package var isLoss: Bool { self == .gone || self == .older || self == .noticed }
    }

    package static let function = RedisFunction("policy/run_marker")

    /// Returns the arguments of the next check. `revision` is the highest that the sidecar has seen.
    package func arguments(keySpace: KeySpace, revision: Int64) -> RedisFunctionArguments {
        let keys = PolicyKeys(namespace: keySpace.namespace)
        let nextID = String(UInt64.random(in: .min ... .max), radix: 16)
        return RedisFunctionArguments(
            keys: [keys.marker, keys.revision, keys.scratch],
            arguments: [
                "\(generation)", id, "\(count)", "\(revision)", nextID, keySpace.layoutText, keySpace.partitionsText,
            ])
    }

    /// Decodes the reply of a check and remembers the marker.
    ///
    /// - Returns: The finding, the revision in Redis (negative if it is not a number), and whether the keys have this
    ///   sidecar's layout. Nil for a malformed reply.
    package mutating func take(_ reply: RedisReply) -> (finding: Finding, revision: Int64, hasOurLayout: Bool)? {
        guard case .array(let parts) = reply, parts.count == 6, case .bulk(let word) = parts[0],
            let finding = Finding(rawValue: String(buffer: word)), case .integer(let generation) = parts[1],
            case .bulk(let id) = parts[2], case .integer(let count) = parts[3], case .integer(let revision) = parts[4],
            case .integer(let isOurs) = parts[5]
        else { return nil }
        let isKnown = generation == self.generation
        (self.generation, self.id, self.count) = (generation, String(buffer: id), count)
        // The second of two concurrent checks finds the generation that the first has started.
        return (finding == .noticed && isKnown ? .seen : finding, revision, isOurs == 1)
    }
}
