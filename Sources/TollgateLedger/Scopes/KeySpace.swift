package import TollgateCore

/// The names of a namespace's keys in Redis, but for those of settings (`PolicyKeys`) and alerts (`AlertKeys`).
///
/// The key of a scope's hash is the scope's text behind the namespace, `tollgate:user:alice`. The names of its other keys begin with
/// that: `tollgate:user:alice:day:2026-11-29`. In keys a colon within an id is written twice, so that no two keys have the same name:
/// the first single colon behind a kind ends the kind, the next one ends the scope. Keys of no single scope begin with a word that is
/// no kind.
///
/// With partitions the number of one in braces stands behind the namespace, `tollgate:{17}:user:alice`: the hash tag by which a
/// Redis Cluster has all keys of a partition in one slot.
package struct KeySpace: Sendable, Equatable {
    /// The number of a partition, from 0.
    package typealias Partition = UInt16

    /// As many as a Redis Cluster has slots.
    package static let maxPartitions = 16_384

    package let namespace: String
    /// 1 to ``maxPartitions``; nil for keys without partitions.
    package let partitions: Int?

    package init(namespace: String, partitions: Int? = nil) {
        self.namespace = namespace
        self.partitions = partitions
    }

    /// The numbers of all partitions; nil alone without partitions.
    package var allPartitions: [Partition?] { partitions.map { (0..<$0).map { Partition($0) } } ?? [nil] }

    /// What stands in front of the scope, or of another word, in every key of a partition.
    package func prefix(of partition: Partition?) -> String {
        partition.map { "\(namespace):{\($0)}:" } ?? "\(namespace):"
    }

    /// The partition of a scope; nil without partitions.
    package func partition(of scope: Scope) -> Partition? { partition(ofText: scope.description) }

    func partition(ofText text: String) -> Partition? {
        partitions.map { Partition(Int(CRC16.checksum(of: text.utf8)) % $0) }
    }

    // MARK: - Scopes

    /// Hash of all that a decision needs of a scope.
    package func hash(of scope: Scope) -> String {
        let text = scope.description
        return prefix(of: partition(ofText: text)) + Self.name(ofScope: text)
    }

    /// Sorted set of the open reservations of a scope by when they end (Unix ms).
    package func holds(of scope: Scope) -> String { hash(of: scope) + ":holds" }

    /// Hash of one day: `2026-11-20` in the scope's own calendar.
    package func day(_ id: String, of scope: Scope) -> String { "\(hash(of: scope)):day:\(id)" }

    /// Hash of the days of one month that are over: `2026-11`.
    package func month(_ id: String, of scope: Scope) -> String { "\(hash(of: scope)):month:\(id)" }

    /// A scope's text as it stands in keys: `model:llama3:8b` is `model:llama3::8b`.
    static func name(ofScope text: String) -> String {
        var name: [UInt8] = []
        name.reserveCapacity(text.utf8.count)
        var (isInID, isAfterPlus) = (false, false)
        for byte in text.utf8 {
            name.append(byte)
            // Within an id a plus sign is written twice.
            if isAfterPlus, byte != UInt8(ascii: "+") { isInID = false }
            isAfterPlus = byte == UInt8(ascii: "+") && !isAfterPlus
            guard byte == UInt8(ascii: ":") else { continue }
            if isInID { name.append(byte) }
            isInID = true
        }
        return String(decoding: name, as: UTF8.self)
    }

    /// The text of the scope that a name made of ``name(ofScope:)`` begins with.
    static func scopeText(in name: String) -> String {
        guard name != "global", !name.hasPrefix("global:") else { return "global" }
        let bytes = Array(name.utf8)
        var text: [UInt8] = []
        var (index, isInID) = (0, false)
        while index < bytes.count {
            let byte = bytes[index]
            let isDouble = isInID && index + 1 < bytes.count && bytes[index + 1] == byte
            switch byte {
            case UInt8(ascii: ":") where isDouble: index += 1
            case UInt8(ascii: ":") where isInID: return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: ":"): isInID = true
            case UInt8(ascii: "+") where isDouble:
                text.append(byte)
                index += 1
            case UInt8(ascii: "+"): isInID = false
            default: break
            }
            text.append(byte)
            index += 1
        }
        return String(decoding: text, as: UTF8.self)
    }

    // MARK: - Others

    /// The number of the last batch of a producer that was applied to a partition.
    func lastBatch(of producer: String, in partition: Partition?) -> String {
        "\(prefix(of: partition))last-batch:\(producer)"
    }

    /// Hash of the keys that sign tokens of reservations.
    var reservationKeys: String { "\(namespace):reservation-keys" }
}
