package import TollgateCore

/// The names of a namespace's keys in Redis, except those of settings (`PolicyKeys`) and alerts (`AlertKeys`).
///
/// The key of a scope's hash is the namespace and the scope's text, `tollgate:user:alice`. The scope's other keys begin
/// with it: `tollgate:user:alice:day:2026-11-29`. A colon within an id is doubled in keys, so that names are
/// unambiguous: the first single colon ends the kind, the next one ends the scope. Keys of no single scope begin with a
/// word that is not a kind.
///
/// With partitions, the partition's number in braces follows the namespace: `tollgate:{17}:user:alice`. It is the hash
/// tag by which a Redis Cluster puts all keys of a partition into one slot.
package struct KeySpace: Sendable, Equatable {
    /// The number of a partition, from 0.
    package typealias Partition = UInt16

    /// The maximum number of partitions: the number of slots of a Redis Cluster.
    package static let maxPartitions = 16_384

    package let namespace: String
    /// The number of partitions, 1 to ``maxPartitions``; nil for keys without partitions.
    package let partitions: Int?
    /// The unit in which all money of the namespace is counted.
    package let moneyUnit: MoneyUnit

    package init(namespace: String, partitions: Int? = nil, moneyUnit: MoneyUnit = .nano) {
        self.namespace = namespace
        self.partitions = partitions
        self.moneyUnit = moneyUnit
    }

    /// The numbers of all partitions; only nil without partitions.
    package var allPartitions: [Partition?] { partitions.map { (0..<$0).map { Partition($0) } } ?? [nil] }

    /// Returns the prefix of every key of a partition.
    package func prefix(of partition: Partition?) -> String {
        partition.map { "\(namespace):{\($0)}:" } ?? "\(namespace):"
    }

    /// Returns the partition of a scope; nil without partitions.
    package func partition(of scope: Scope) -> Partition? { partition(ofText: scope.description) }

    func partition(ofText text: String) -> Partition? {
        partitions.map { Partition(Int(CRC16.checksum(of: text.utf8)) % $0) }
    }

    // MARK: - Scopes

    /// The hash of a scope's counters and other data that decisions need.
    package func hash(of scope: Scope) -> String {
        let text = scope.description
        return prefix(of: partition(ofText: text)) + Self.name(ofScope: text)
    }

    /// The sorted set of a scope's open reservations by the time at which they end (Unix ms). The fraction of the score
    /// says what is charged then (batch/hold_score.lua).
    package func holds(of scope: Scope) -> String { hash(of: scope) + ":holds" }

    /// The sorted set of a partition's scopes with reservations to charge, by the time of the next sweep (Unix ms).
    package func chargeQueue(in partition: Partition?) -> String { prefix(of: partition) + "charge-queue" }

    /// The hash of one day, `2026-11-20` in the scope's own calendar.
    package func day(_ id: String, of scope: Scope) -> String { "\(hash(of: scope)):day:\(id)" }

    /// The hash of the past days of one month, `2026-11`.
    package func month(_ id: String, of scope: Scope) -> String { "\(hash(of: scope)):month:\(id)" }

    /// Returns a scope's text as it appears in keys: `model:llama3::8b` for `model:llama3:8b`.
    static func name(ofScope text: String) -> String {
        var name: [UInt8] = []
        name.reserveCapacity(text.utf8.count)
        var (isInID, isAfterPlus) = (false, false)
        for byte in text.utf8 {
            name.append(byte)
            // A plus sign within an id is doubled.
            if isAfterPlus, byte != UInt8(ascii: "+") { isInID = false }
            isAfterPlus = byte == UInt8(ascii: "+") && !isAfterPlus
            guard byte == UInt8(ascii: ":") else { continue }
            if isInID { name.append(byte) }
            isInID = true
        }
        return String(decoding: name, as: UTF8.self)
    }

    /// Returns the text of the scope at the start of a key's name (``name(ofScope:)``).
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

    /// The number of a producer's last batch that was applied to a partition.
    func lastBatch(of producer: String, in partition: Partition?) -> String {
        "\(prefix(of: partition))last-batch:\(producer)"
    }

    /// The hash of the keys that sign reservation tokens.
    var reservationKeys: String { "\(namespace):reservation-keys" }
}

// MARK: - Operations

extension KeySpace {
    /// Returns the partition of an operation: that of its scopes with limits or history. If it has none of these, that
    /// of its idempotency key, or of any scope.
    func partition(of plans: [ScopePlan], _ terms: OperationTerms?) -> Partition? {
        guard partitions != nil else { return nil }
        if let plan = plans.first(where: \.isStored) { return plan.partition }
        return terms.map { partition(ofText: Self.scopeText(in: $0.idempotencyKey.name)) } ?? plans.first?.partition
    }

    /// Returns the reason why one call cannot apply an operation on these scopes: two of those with limits or history
    /// are in different partitions. Returns nil if it can.
    package func conflict(among plans: [ScopePlan]) -> String? {
        guard partitions != nil, let first = plans.first(where: \.isStored), let partition = first.partition,
            let second = plans.first(where: { $0.isStored && $0.partition != partition }), let other = second.partition
        else { return nil }
        return """
            \(first.scope) is in partition \(partition) and \(second.scope) in partition \(other): the scopes of a request that \
            have limits or history have to be in one partition
            """
    }
}

/// The checksum by which Redis Cluster maps a key to a slot: CRC-16/XMODEM.
enum CRC16 {
    static func checksum(of bytes: some Sequence<UInt8>) -> UInt16 {
        bytes.reduce(0) { checksum, byte in
            (0..<8).reduce(checksum ^ UInt16(byte) << 8) { sum, _ in
                sum & 0x8000 == 0 ? sum << 1 : sum << 1 ^ 0x1021
            }
        }
    }
}
