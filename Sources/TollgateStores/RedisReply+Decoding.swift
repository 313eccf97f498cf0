import NIOCore
import TollgateRedis

/// Decoding of replies. Errors name the key that the command was about.
extension RedisReply {
    /// Returns this reply unless it is an error.
    func checked(of key: String) throws(StoreError) -> RedisReply {
        guard case .error(let sentence) = self else { return self }
        throw sentence.hasPrefix("WRONGTYPE") ? .corrupt("\(key): wrong data type") : .unavailable(sentence)
    }

    /// Decodes an array of strings.
    func texts(of key: String) throws(StoreError) -> [String] {
        guard case .array(let items) = try checked(of: key) else { throw .unexpectedReply(about: key) }
        var texts: [String] = []
        texts.reserveCapacity(items.count)
        for item in items {
            guard case .bulk(let text) = item else { throw .unexpectedReply(about: key) }
            texts.append(String(buffer: text))
        }
        return texts
    }

    /// Decodes an array of fields and values, or of members and scores.
    func pairs(of key: String) throws(StoreError) -> [(String, String)] {
        let words = try texts(of: key)
        return stride(from: 0, to: words.count - 1, by: 2).map { (words[$0], words[$0 + 1]) }
    }

    /// Decodes the reply to TIME as Unix ms.
    func time() throws(StoreError) -> Int64 {
        let words = try texts(of: "TIME").compactMap { Int64($0) }
        guard words.count == 2 else { throw .unexpectedReply(about: "TIME") }
        return words[0] * 1_000 + words[1] / 1_000
    }
}
