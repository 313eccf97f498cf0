import NIOCore
import TollgateCore
import TollgateRedis

/// A history record in a hash: that of a day or a month, or that of a scope with the running day.
struct StoredRecord {
    private(set) var record = HistoryRecord()
    /// The prefix of the fields' names.
    private let prefix: String

    static func command(for key: String, _ detail: HistoryStore.Detail) -> [String] {
        switch detail {
        case .amounts(let meters): ["HMGET", key] + meters.map(\.name)
        case .labels: ["HGETALL", key]
        }
    }

    /// Decodes the reply to that command, without unknown fields. Throws `.corrupt` if the key is not a hash, or an
    /// amount is not a whole number.
    init(_ reply: RedisReply, of key: String, _ detail: HistoryStore.Detail) throws(StoreError) {
        prefix = ""
        switch detail {
        case .labels(let dimensions):
            try add(StoredField.all(reply, of: key) { Self.isWanted($0, dimensions, prefix: 0) })
        case .amounts(let meters):
            guard case .array(let values) = try reply.checked(of: key), values.count == meters.count else {
                throw .unexpectedReply(about: key)
            }
            try add(meters, values, key)
        }
    }

    /// Creates an empty record whose fields have a prefix, because the hash has other fields, too.
    init(prefix: String) {
        self.prefix = prefix
    }

    mutating func add(_ fields: [StoredField]) throws(StoreError) {
        for field in fields { try add(field.name, String(buffer: field.value), field.key) }
    }

    /// Adds the totals of meters.
    mutating func add(
        _ meters: [HistoryMeter], _ values: some Collection<RedisReply>, _ key: String
    ) throws(StoreError) {
        for (meter, value) in zip(meters, values) {
            guard case .bulk(let text) = value else { continue }
            let amount = try Self.amount(String(buffer: text), "\(key), field \(prefix)\(meter.name)")
            record.add(amount, to: HistoryField(meter: meter, part: .total))
        }
    }

    /// Returns whether a field counts the total or one of the dimensions.
    ///
    /// - Parameter prefix: The length of the prefix in bytes.
    static func isWanted(_ name: ByteBuffer, _ dimensions: Set<HistoryDimension>, prefix: Int) -> Bool {
        name.withUnsafeReadableBytes { bytes in
            let bytes = bytes.dropFirst(prefix)
            guard let slash = bytes.firstIndex(of: UInt8(ascii: "/")) else { return true }
            let part = bytes[(slash + 1)...]
            return dimensions.contains { part.starts(with: $0.name.utf8) }
        }
    }

    private mutating func add(_ name: String, _ value: String, _ key: String) throws(StoreError) {
        if let field = HistoryField(name.utf8.dropFirst(prefix.utf8.count)) {
            record.add(try Self.amount(value, "\(key), field \(name)"), to: field)
        }
    }

    /// Parses an amount. Saturates at the largest Int64.
    private static func amount(_ text: String, _ path: String) throws(StoreError) -> Int64 {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw .corrupt("\(path): expected a whole number")
        }
        return Int64(text) ?? .max
    }
}
