package import Logging
import NIOCore
package import TollgateLedger
package import TollgateRedis

/// The layout of keys and the number of partitions, as the first sidecar of a namespace notes them in the marker
/// (`PolicyKeys.marker`). A sidecar with another number of partitions would not find the counters.
extension KeySpace {
    /// The number of the current layout. Before layouts were numbered, keys had the scope in braces.
    static let layout = 2

    /// The number of partitions as the marker contains it.
    var partitionsText: String { String(partitions ?? 0) }

    /// A requirement that notes layout and partitions if there are none, and refuses a Redis with others. It logs once
    /// if Redis contains data of the unnumbered layout.
    package func requirement(logger: Logger) -> RedisRequirement {
        let marker = PolicyKeys(namespace: namespace).marker
        let log = OnceLog(logger)
        return RedisRequirement(commands: [
            ["HMGET", marker, "generation", "layout"],
            ["HSETNX", marker, "layout", "\(Self.layout)"],
            ["HSETNX", marker, "partitions", partitionsText],
            ["HMGET", marker, "layout", "partitions"],
        ]) { replies in
            if case .array(let before) = replies[0], before.count == 2, before[0] != .null, before[1] == .null {
                log.warn(
                    """
                    Redis has data of namespace \(namespace) with keys of an earlier layout, such as \(namespace):{user:alice}; \
                    these keys are neither read nor changed
                    """)
            }
            return fault(replies[3])
        }
    }

    /// Returns why the noted layout does not fit. A Redis that refuses writes may have none noted, which is no fault.
    private func fault(_ noted: RedisReply) -> String? {
        guard case .array(let values) = noted, values.count == 2, case .bulk(let layout) = values[0],
            case .bulk(let partitions) = values[1]
        else { return nil }
        let (layoutText, partitionsText) = (String(buffer: layout), String(buffer: partitions))
        guard layoutText == "\(Self.layout)" else {
            return """
                the keys of namespace \(namespace) have layout \(layoutText), but this version expects \(Self.layout): run a later \
                version, or name another namespace
                """
        }
        guard partitionsText != self.partitionsText else { return nil }
        let expected = partitionsText == "0" ? "without --partitions" : "with --partitions \(partitionsText)"
        return
            "the data of namespace \(namespace) was created \(expected): start the sidecar that way, or name another namespace"
    }
}
