import NIOCore
import TollgateCore
import TollgateRedis

/// A page of history as its hash has it.
struct StoredPage {
    private static let openDaysField = "open_day"
    /// What is read where labels are not wanted.
    private static let totals = HistoryMeter.allCases.map(\.name) + [openDaysField]

    private(set) var page = HistoryPage()
    /// Of a month's page: the days that have not been added to it yet.
    private(set) var openDays: [String] = []

    static func command(for key: String, _ detail: HistoryStore.Detail) -> [String] {
        switch detail {
        case .totals: ["HMGET", key] + totals
        case .labels: ["HGETALL", key]
        }
    }

    /// From the reply to that command. Fields that it does not know are left out. Throws `.corrupt` where the key is not a hash, or
    /// a number is none.
    init(_ reply: RedisReply, of key: String, _ detail: HistoryStore.Detail) throws(StoreError) {
        switch detail {
        case .labels(let dimensions):
            for field in try StoredField.all(reply, of: key, where: { Self.isWanted($0, dimensions) }) {
                try add(field.name, String(buffer: field.value), key)
            }
        case .totals:
            guard case .array(let values) = try reply.checked(of: key), values.count == Self.totals.count else {
                throw .unexpectedReply(about: key)
            }
            for (name, value) in zip(Self.totals, values) {
                if case .bulk(let text) = value { try add(name, String(buffer: text), key) }
            }
        }
    }

    /// Whether a field is about the whole page, or about one of the dimensions.
    private static func isWanted(_ name: ByteBuffer, _ dimensions: Set<HistoryDimension>) -> Bool {
        name.withUnsafeReadableBytes { bytes in
            guard let slash = bytes.firstIndex(of: UInt8(ascii: "/")) else { return true }
            let part = bytes[(slash + 1)...]
            return dimensions.contains { part.starts(with: $0.name.utf8) }
        }
    }

    private mutating func add(_ name: String, _ value: String, _ key: String) throws(StoreError) {
        if name == Self.openDaysField {
            openDays = value.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
            guard openDays.allSatisfy({ CalendarUnit.day.number(ofID: $0) != nil }) else {
                throw .corrupt("\(key), field \(name): expected a day such as 2026-11-20")
            }
        } else if let field = HistoryField(name.utf8) {
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
