import Foundation
import NIOCore
import TollgateCore
import TollgatePolicy
import TollgateRedis

/// A field of a stored hash with its value, and the place that a message about it names.
struct StoredField {
    let key: String
    let name: String
    let value: ByteBuffer

    /// The fields of a hash from the reply to HGETALL, those with wanted names; none where there is no such key.
    static func all(
        _ reply: RedisReply, of key: String, where isWanted: (ByteBuffer) -> Bool = { _ in true }
    ) throws(StoreError) -> [StoredField] {
        guard case .array(let words) = try reply.checked(of: key) else { throw .unexpectedReply(about: key) }
        var fields: [StoredField] = []
        for place in stride(from: 0, to: words.count - 1, by: 2) {
            guard case .bulk(let name) = words[place], case .bulk(let value) = words[place + 1] else {
                throw .unexpectedReply(about: key)
            }
            if isWanted(name) { fields.append(StoredField(key: key, name: String(buffer: name), value: value)) }
        }
        return fields
    }

    /// From the reply to HGET; nil where there is no such field.
    init?(_ reply: RedisReply, key: String, name: String) throws(StoreError) {
        switch try reply.checked(of: key) {
        case .null: return nil
        case .bulk(let value): self.init(key: key, name: name, value: value)
        default: throw .unexpectedReply(about: key)
        }
    }

    private init(key: String, name: String, value: ByteBuffer) {
        self.key = key
        self.name = name
        self.value = value
    }

    // MARK: - What it holds

    func tier() throws(StoreError) -> Versioned<Tier> {
        do throws(ScopeError) {
            try Tier.validate(id: name)
        } catch {
            throw corrupt(error.description)
        }
        return try read { stored throws(PolicyError) in try PolicyJSON.tier(stored.json, id: name) }
    }

    func assignment(_ subject: Assignment.Subject) throws(StoreError) -> Versioned<Assignment> {
        try read { stored throws(PolicyError) in
            try PolicyJSON.assignment(stored.json, of: subject, order: stored.order)
        }
    }

    func limits() throws(StoreError) -> Versioned<[Limit]> {
        try read { stored throws(PolicyError) in try PolicyJSON.limits(stored.json) }
    }

    func override() throws(StoreError) -> Versioned<Override> {
        try read { stored throws(PolicyError) in try PolicyJSON.override(stored.json) }
    }

    /// The subject that the field is named after.
    func subject() throws(StoreError) -> Assignment.Subject {
        do throws(ScopeError) {
            return try Assignment.Subject(id: name)
        } catch {
            throw corrupt(error.description)
        }
    }

    private func read<Item>(
        _ body: (StoredItem) throws(PolicyError) -> Item
    ) throws(StoreError) -> Versioned<Item> {
        guard let stored = StoredItem(value) else {
            throw corrupt(#"expected {"item":{…},"order":7,"version":7}"#)
        }
        do throws(PolicyError) {
            return Versioned(try body(stored), version: stored.version)
        } catch {
            throw corrupt(
                error.problems.map { "\($0.path.isEmpty ? "" : "\($0.path): ")\($0.sentence)" }.joined(separator: "; "))
        }
    }

    func corrupt(_ sentence: String) -> StoreError { .corrupt("\(key), field \(name): \(sentence)") }
}

extension RedisReply {
    /// This reply, unless it is an error.
    func checked(of key: String) throws(StoreError) -> RedisReply {
        guard case .error(let sentence) = self else { return self }
        throw sentence.hasPrefix("WRONGTYPE") ? .corrupt("\(key): is of another type") : .unavailable(sentence)
    }
}

extension StoreError {
    /// A reply of a kind that the command does not have.
    static func unexpectedReply(about key: String) -> StoreError {
        .unavailable("unexpected reply of Redis about \(key)")
    }
}
