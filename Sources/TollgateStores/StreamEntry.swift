import NIOCore
import TollgateRedis

/// An entry of a stream as XRANGE and its like reply with it.
struct StreamEntry {
    /// `1795264800000-0`
    let id: String
    let fields: [String: String]

    init(_ reply: RedisReply, of key: String) throws(StoreError) {
        guard case .array(let parts) = reply, parts.count == 2, case .bulk(let id) = parts[0] else {
            throw .unexpectedReply(about: key)
        }
        self.id = String(buffer: id)
        let words = try parts[1].texts(of: key)
        let pairs = stride(from: 0, to: words.count - 1, by: 2).map { (words[$0], words[$0 + 1]) }
        fields = Dictionary(pairs) { first, _ in first }
    }

    /// Of the reply to XRANGE or XREVRANGE.
    static func all(_ reply: RedisReply, of key: String) throws(StoreError) -> [StreamEntry] {
        guard case .array(let items) = try reply.checked(of: key) else { throw .unexpectedReply(about: key) }
        var entries: [StreamEntry] = []
        for item in items { entries.append(try StreamEntry(item, of: key)) }
        return entries
    }

    /// Whether text is the id of an entry that others can come before and after: the very first and the very last id have no
    /// neighbour, and Redis refuses them as an excluded end.
    static func isID(_ text: some StringProtocol) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { UInt64($0) }
        guard parts.count == 2, numbers.count == 2, text.utf8.first != UInt8(ascii: "+") else { return false }
        return numbers != [0, 0] && numbers != [.max, .max]
    }
}
