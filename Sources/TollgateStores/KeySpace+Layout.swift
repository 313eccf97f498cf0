package import Logging
import NIOCore
package import TollgateLedger
package import TollgateRedis

/// How keys are named and over how many partitions they are spread, as it is noted in the marker (`PolicyKeys.marker`) by the first
/// sidecar of a namespace. With another number of partitions a sidecar would not find what was counted.
extension KeySpace {
    /// The number of this way to name keys. Before there were numbers, scopes stood in braces.
    static let layout = 2

    /// As it is noted.
    var partitionsText: String { String(partitions ?? 0) }

    /// Notes layout and partitions where nothing is noted yet, and refuses a Redis whose keys are named otherwise. Logs once that there
    /// are data of the earlier layout.
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
                    they are not read, and stay as they are
                    """)
            }
            return fault(replies[3])
        }
    }

    /// Of a Redis that takes no writes nothing may be noted; nor is there anything to be counted in it.
    private func fault(_ noted: RedisReply) -> String? {
        guard case .array(let values) = noted, values.count == 2, case .bulk(let layout) = values[0],
            case .bulk(let partitions) = values[1]
        else { return nil }
        let (layoutText, partitionsText) = (String(buffer: layout), String(buffer: partitions))
        guard layoutText == "\(Self.layout)" else {
            return """
                the keys of namespace \(namespace) have layout \(layoutText), and this version knows \(Self.layout): run a later \
                version, or name another namespace
                """
        }
        guard partitionsText != self.partitionsText else { return nil }
        let expected = partitionsText == "0" ? "without --partitions" : "with --partitions \(partitionsText)"
        return
            "the data of namespace \(namespace) were begun \(expected): start the sidecar so, or name another namespace"
    }
}
