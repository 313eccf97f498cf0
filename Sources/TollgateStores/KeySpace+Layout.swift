package import Logging
import NIOCore
import TollgateCore
package import TollgateLedger
package import TollgateRedis

/// The layout of keys, the unit of money and the number of partitions, as the first sidecar of a namespace notes them in
/// the marker (`PolicyKeys.marker`). A sidecar with another number of partitions would not find the counters, and one
/// with another unit would misread them.
extension KeySpace {
    /// The number of the current layout. Before layouts were numbered, keys had the scope in braces.
    private static let layout = "2"
    private static let decimalsPrefix = ",decimals="

    /// The layout and the unit as the marker contains them: `2`, or `2,decimals=0`. One field has both, so that they are
    /// noted together, and versions that know no other unit than nano-units refuse the namespace.
    var layoutText: String {
        moneyUnit == .nano ? Self.layout : "\(Self.layout)\(Self.decimalsPrefix)\(moneyUnit.decimals)"
    }

    /// The number of partitions as the marker contains it.
    var partitionsText: String { String(partitions ?? 0) }

    /// A requirement that notes layout and partitions if there are none, and refuses a Redis with others. It logs once
    /// if Redis contains data of the unnumbered layout.
    package func requirement(logger: Logger) -> RedisRequirement {
        let marker = PolicyKeys(namespace: namespace).marker
        let log = OnceLog(logger)
        return RedisRequirement(commands: [
            ["HMGET", marker, "generation", "layout"],
            ["HSETNX", marker, "layout", layoutText],
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

    /// Returns why the noted layout does not fit: the reply to HMGET of `layout` and `partitions` of the marker. A Redis
    /// that refuses writes may have none noted, which is no fault.
    package func fault(_ noted: RedisReply) -> String? {
        guard case .array(let values) = noted, values.count == 2, case .bulk(let layout) = values[0],
            case .bulk(let partitions) = values[1]
        else { return nil }
        let (layoutText, partitionsText) = (String(buffer: layout), String(buffer: partitions))
        if let fault = layoutFault(layoutText) { return fault }
        guard partitionsText != self.partitionsText else { return nil }
        let expected = partitionsText == "0" ? "without --partitions" : "with --partitions \(partitionsText)"
        return
            "the data of namespace \(namespace) was created \(expected): start the sidecar that way, or name another namespace"
    }

    private func layoutFault(_ noted: String) -> String? {
        guard noted != layoutText else { return nil }
        let decimals =
            noted == Self.layout ? "9" : noted.split(separator: Self.decimalsPrefix).last.map(String.init) ?? ""
        guard noted == Self.layout || noted == "\(Self.layout)\(Self.decimalsPrefix)\(decimals)" else {
            return """
                the keys of namespace \(namespace) have layout \(noted), but this version expects \(Self.layout): run a later \
                version, or name another namespace
                """
        }
        return """
            namespace \(namespace) counts money with decimals: \(decimals), but the policy has decimals: \(moneyUnit.decimals); \
            set decimals: \(decimals) in the policy, or name another namespace
            """
    }
}
