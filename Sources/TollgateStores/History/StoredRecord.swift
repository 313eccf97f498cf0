import NIOCore
import TollgateCore
import TollgateRedis

/// A page of history as a hash has it, of its own or a scope's.
struct StoredRecord {
    private(set) var page = HistoryRecord()
    /// What stands in front of the fields' names.
    private let prefix: String

    /// The fields of what is counted in all.
    static func totals(prefix: String = "") -> [String] { HistoryMeter.allCases.map { prefix + $0.name } }

    static func command(for key: String, _ detail: HistoryStore.Detail) -> [String] {
        switch detail {
        case .totals: ["HMGET", key] + totals()
        case .labels: ["HGETALL", key]
        }
    }

    /// From the reply to that command. Fields that it does not know are left out. Throws `.corrupt` where the key is not a hash, or
    /// a number is none.
    init(_ reply: RedisReply, of key: String, _ detail: HistoryStore.Detail) throws(StoreError) {
        prefix = ""
        switch detail {
        case .labels(let dimensions):
            try add(StoredField.all(reply, of: key) { Self.isWanted($0, dimensions, prefix: 0) })
        case .totals:
            let names = Self.totals()
            guard case .array(let values) = try reply.checked(of: key), values.count == names.count else {
                throw .unexpectedReply(about: key)
            }
            try add(zip(names, values), key)
        }
    }

    /// A page whose fields stand among others, with something in front of their names.
    init(prefix: String) {
        self.prefix = prefix
    }

    mutating func add(_ fields: [StoredField]) throws(StoreError) {
        for field in fields { try add(field.name, String(buffer: field.value), field.key) }
    }

    mutating func add(_ fields: some Sequence<(String, RedisReply)>, _ key: String) throws(StoreError) {
        for (name, value) in fields {
            if case .bulk(let text) = value { try add(name, String(buffer: text), key) }
        }
    }

    /// Whether a field is about the whole page, or about one of the dimensions.
    ///
    /// - Parameter prefix: How many bytes stand in front of the name.
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
            page.add(try Self.amount(value, "\(key), field \(name)"), to: field)
        }
    }

    /// More digits than an Int64 has are the largest one.
    private static func amount(_ text: String, _ place: String) throws(StoreError) -> Int64 {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw .corrupt("\(place): expected a whole number")
        }
        return Int64(text) ?? .max
    }
}
