import Foundation
import NIOCore
import TollgateCore
import TollgatePolicy
import TollgateRedis

/// A field of a stored hash with its value, and the key and field that error messages name.
struct StoredField {
    let key: String
    let name: String
    let value: ByteBuffer

    /// Decodes the fields of a hash with wanted names from the reply to HGETALL. A missing key has no fields.
    static func all(
        _ reply: RedisReply, of key: String, where isWanted: (ByteBuffer) -> Bool = { _ in true }
    ) throws(StoreError) -> [StoredField] {
        guard case .array(let words) = try reply.checked(of: key) else { throw .unexpectedReply(about: key) }
        var fields: [StoredField] = []
        for index in stride(from: 0, to: words.count - 1, by: 2) {
            guard case .bulk(let name) = words[index], case .bulk(let value) = words[index + 1] else {
                throw .unexpectedReply(about: key)
            }
            if isWanted(name) { fields.append(StoredField(key: key, name: String(buffer: name), value: value)) }
        }
        return fields
    }

    /// Decodes the reply to HGET; nil if there is no such field.
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

    // MARK: - Decoding

    func tier(_ unit: MoneyUnit) throws(StoreError) -> Versioned<Tier> {
        do throws(ScopeError) {
            try Tier.validate(id: name)
        } catch {
            throw corrupt(error.description)
        }
        return try read { stored throws(PolicyError) in try PolicyJSON.tier(stored.json, id: name, unit) }
    }

    func assignment(_ subject: Assignment.Subject) throws(StoreError) -> Versioned<Assignment> {
        try read { stored throws(PolicyError) in
            try PolicyJSON.assignment(stored.json, of: subject, order: stored.order)
        }
    }

    func account(_ unit: MoneyUnit) throws(StoreError) -> Versioned<Account> {
        guard ScopeID.isValid(name) else { throw corrupt("expected the id of an account") }
        return try read { stored throws(PolicyError) in try PolicyJSON.account(stored.json, id: name, unit) }
    }

    func limits(_ unit: MoneyUnit) throws(StoreError) -> Versioned<[Limit]> {
        try read { stored throws(PolicyError) in try PolicyJSON.limits(stored.json, unit) }
    }

    func override(_ unit: MoneyUnit) throws(StoreError) -> Versioned<Override> {
        try read { stored throws(PolicyError) in try PolicyJSON.override(stored.json, unit) }
    }

    /// Parses the name of the field as the id of an assignment.
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

/// The value of a field, `{"item":{…},"order":7,"version":7}`, exactly as policy/edit.lua writes it.
struct StoredItem {
    /// The item as JSON: `TierJSON`, `AssignmentJSON`, `Account`, `LimitsJSON` or `OverrideJSON`.
    var json: Data
    /// The number of the change that created the item.
    var order: Int64
    /// The number of the change that last wrote the item.
    var version: Int64

    /// Numbers with more digits would not be exact in Lua.
    private static let maxDigits = 15

    /// Splits a value without decoding the item; nil if it has another form.
    init?(_ stored: ByteBuffer) {
        let head = #"{"item":"#.utf8
        var rest = stored.readableBytesView
        guard rest.starts(with: head), rest.last == UInt8(ascii: "}") else { return nil }
        rest = rest.dropFirst(head.count).dropLast()
        guard let version = Self.takeNumber(after: #","version":"#, from: &rest),
            let order = Self.takeNumber(after: #","order":"#, from: &rest),
            rest.first == UInt8(ascii: "{"), rest.last == UInt8(ascii: "}")
        else { return nil }
        json = Data(rest)
        self.order = order
        self.version = version
    }

    /// Removes a label and the number after it from the end.
    private static func takeNumber(after label: String, from rest: inout ByteBufferView) -> Int64? {
        let digits = rest.reversed().prefix { (0x30...0x39).contains($0) }.reversed()
        guard (1...maxDigits).contains(digits.count) else { return nil }
        let head = rest.dropLast(digits.count)
        guard head.suffix(label.utf8.count).elementsEqual(label.utf8) else { return nil }
        rest = head.dropLast(label.utf8.count)
        return digits.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
    }
}
