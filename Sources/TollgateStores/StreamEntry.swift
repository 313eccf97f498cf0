import NIOCore
import TollgateRedis

/// An entry of a stream, from a reply to XRANGE, XREVRANGE or XREADGROUP.
struct StreamEntry {
    /// The id of the entry, such as `1795264800000-0`.
    let id: String
    let fields: [String: String]

    init(_ reply: RedisReply, of key: String) throws(StoreError) {
        guard case .array(let parts) = reply, parts.count == 2, case .bulk(let id) = parts[0] else {
            throw .unexpectedReply(about: key)
        }
        self.id = String(buffer: id)
        fields = Dictionary(try parts[1].pairs(of: key)) { first, _ in first }
    }

    /// Decodes all entries of a reply to XRANGE or XREVRANGE.
    static func all(_ reply: RedisReply, of key: String) throws(StoreError) -> [StreamEntry] {
        guard case .array(let items) = try reply.checked(of: key) else { throw .unexpectedReply(about: key) }
        var entries: [StreamEntry] = []
        for item in items { entries.append(try StreamEntry(item, of: key)) }
        return entries
    }
}

/// Operations on the ids of stream entries: `1795219201123-0`.
package enum StreamID {
    /// Whether the text is an id that can be the exclusive end of a range. Redis refuses the first and the last
    /// possible id.
    static func isValid(_ text: some StringProtocol) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { UInt64($0) }
        guard parts.count == 2, numbers.count == 2, text.utf8.first != UInt8(ascii: "+") else { return false }
        return numbers != [0, 0] && numbers != [.max, .max]
    }

    /// Returns whether an id comes before another in the stream.
    static func precedes(_ lhs: String, _ rhs: String) -> Bool { parts(lhs) < parts(rhs) }

    /// Returns the time in an id, Unix ms of Redis's clock.
    package static func milliseconds(_ id: String) -> Int64? { id.split(separator: "-").first.flatMap { Int64($0) } }

    private static func parts(_ id: String) -> (UInt64, UInt64) {
        let parts = id.split(separator: "-").map { UInt64($0) ?? 0 }
        return (parts.first ?? 0, parts.dropFirst().first ?? 0)
    }
}
