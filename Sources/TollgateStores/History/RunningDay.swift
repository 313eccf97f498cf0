import NIOCore
import TollgateCore
import TollgatePolicy
import TollgateRedis

/// The running day of a scope's history, which is in the scope's own hash (lua/batch/today.lua).
struct RunningDay {
    /// The field that names the day: `2026-11-29 1795996800000 2026-11 1796083200000 4 20 0`.
    static let field = "history"
    private static let prefix = "history/"

    /// The id of the day, such as `2026-11-29`.
    let id: String
    /// The end of the day, Unix ms.
    let endsAt: Int64
    /// The id of the month, such as `2026-11`.
    let month: String
    let record: HistoryRecord
    private let name: Substring

    static func command(for key: String, _ detail: HistoryStore.Detail) -> [String] {
        switch detail {
        case .amounts(let meters): ["HMGET", key] + fields(of: meters)
        case .labels: ["HGETALL", key]
        }
    }

    /// Returns the names of the fields that name the day and have the totals of meters.
    static func fields(of meters: [HistoryMeter]) -> [String] { [field] + meters.map { prefix + $0.name } }

    /// Decodes the reply to that command; nil if the hash has no running day. Throws `.corrupt` if the key is not a
    /// hash, or a field of the day is malformed.
    init?(_ reply: RedisReply, of key: String, _ detail: HistoryStore.Detail) throws(StoreError) {
        var stored = StoredRecord(prefix: Self.prefix)
        var name: String?
        switch detail {
        case .amounts(let meters):
            guard case .array(let values) = try reply.checked(of: key), let first = values.first else {
                throw .unexpectedReply(about: key)
            }
            if case .bulk(let text) = first { name = String(buffer: text) }
            try stored.add(meters, values.dropFirst(), key)
        case .labels(let dimensions):
            var fields = try StoredField.all(reply, of: key) { Self.isWanted($0, dimensions) }
            if let index = fields.firstIndex(where: { $0.name == Self.field }) {
                name = String(buffer: fields.remove(at: index).value)
            }
            try stored.add(fields)
        }
        guard let name else { return nil }
        let words = name.split(separator: " ")
        guard words.count >= 4, CalendarUnit.day.number(ofID: String(words[0])) != nil, let end = Int64(words[1]),
            CalendarUnit.month.number(ofID: String(words[2])) != nil
        else {
            throw .corrupt(
                """
                \(key), field \(Self.field): expected DAY DAY_END MONTH MONTH_END, such as \
                2026-11-29 1795996800000 2026-11 1796083200000
                """)
        }
        (id, endsAt, month, record) = (String(words[0]), end, String(words[2]), stored.record)
        self.name = name[..<words[3].endIndex]
    }

    /// Returns whether `text`, the current value of the field `history`, still names this day.
    func isNamed(by text: String?) -> Bool { text?.hasPrefix(name) ?? false }

    private static func isWanted(_ name: ByteBuffer, _ dimensions: Set<HistoryDimension>) -> Bool {
        let bytes = name.readableBytesView
        guard bytes.starts(with: prefix.utf8) else { return bytes.elementsEqual(field.utf8) }
        return StoredRecord.isWanted(name, dimensions, prefix: prefix.utf8.count)
    }
}
