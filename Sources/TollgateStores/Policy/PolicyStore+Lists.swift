import NIOCore
package import TollgateCore
package import TollgatePolicy
import TollgateRedis

/// When a scope was last looked up by a sidecar, or changed.
package struct SeenScope: Sendable, Hashable {
    package var scope: Scope
    /// Unix ms.
    package var seenAt: Int64

    package init(_ scope: Scope, seenAt: Int64) {
        self.scope = scope
        self.seenAt = seenAt
    }
}

extension PolicyStore {
    /// The stored assignments, of users too, by the bytes of their ids. What is made or deleted between two pages does not make
    /// any other be missed or come twice. `count` is 1 or more.
    package func assignments(
        after cursor: String?, atMost count: Int
    ) async throws(StoreError) -> Page<Versioned<Assignment>> {
        let start = try cursor.map { cursor throws(StoreError) in "(" + (try Self.subjectID(cursor)) } ?? "-"
        let reply = try await link.ask("ZRANGEBYLEX", keys.assignmentIndex, start, "+", "LIMIT", "0", "\(count + 1)")
        let ids = try reply.texts(of: keys.assignmentIndex)
        let page = PageCursor.cut(ids, atMost: count) { $0 }
        var subjects: [Assignment.Subject] = []
        for id in page.items { subjects.append(try indexed(id)) }
        return Page(items: try await assignments(of: subjects), next: page.next)
    }

    private static func subjectID(_ cursor: String) throws(StoreError) -> String {
        let id = try PageCursor.decode(cursor)
        guard (try? Assignment.Subject(id: id)) != nil else { throw .badCursor }
        return id
    }

    private func indexed(_ id: String) throws(StoreError) -> Assignment.Subject {
        do throws(ScopeError) {
            return try Assignment.Subject(id: id)
        } catch {
            throw .corrupt("\(keys.assignmentIndex): \(id): \(error)")
        }
    }

    /// Without those that have been deleted in the meantime.
    private func assignments(
        of subjects: [Assignment.Subject]
    ) async throws(StoreError) -> [Versioned<Assignment>] {
        let places = subjects.map(keys.place(of:))
        let replies = try await link.ask(places.map { ["HGET", $0.key, $0.field] })
        var found: [Versioned<Assignment>] = []
        for (place, reply) in replies.enumerated() {
            let field = try StoredField(reply, key: places[place].key, name: places[place].field)
            if let field { found.append(try field.assignment(subjects[place])) }
        }
        return found
    }

    /// The scopes of a kind that were seen last, newest first. One that is seen again between two pages is at the top then, and
    /// does not come twice. `count` is 1 or more.
    package func scopesSeen(
        kind: ScopeKind, after cursor: String?, atMost count: Int
    ) async throws(StoreError) -> Page<SeenScope> {
        let key = keys.seen(kind.description)
        let last = try cursor.map { cursor throws(StoreError) in try Self.seenPlace(cursor) }
        let reply = try await link.call(
            Self.seenFunction, keys: [key],
            arguments: ["\(count + 1)", last.map { "\($0.time)" } ?? "", last?.scope ?? ""])
        let words = try reply.texts(of: key)
        let seen = stride(from: 0, to: words.count - 1, by: 2).map { (scope: words[$0], time: words[$0 + 1]) }
        let page = PageCursor.cut(seen, atMost: count) { "\($0.time) \($0.scope)" }
        var items: [SeenScope] = []
        for item in page.items {
            guard let time = Int64(item.time), let scope = try? Scope(parsing: item.scope) else {
                throw .corrupt("\(key): \(item.scope): expected a scope and a time in ms")
            }
            items.append(SeenScope(scope, seenAt: time))
        }
        return Page(items: items, next: page.next)
    }

    private static func seenPlace(_ cursor: String) throws(StoreError) -> (time: Int64, scope: String) {
        let parts = try PageCursor.decode(cursor).split(separator: " ", maxSplits: 1)
        guard parts.count == 2, let time = Int64(parts[0]), time >= 0 else { throw .badCursor }
        return (time, String(parts[1]))
    }
}

extension RedisReply {
    /// What TIME says, Unix ms.
    func time() throws(StoreError) -> Int64 {
        let words = try texts(of: "TIME").compactMap { Int64($0) }
        guard words.count == 2 else { throw .unexpectedReply(about: "TIME") }
        return words[0] * 1_000 + words[1] / 1_000
    }

    /// The strings of an array.
    func texts(of key: String) throws(StoreError) -> [String] {
        guard case .array(let items) = try checked(of: key) else { throw .unexpectedReply(about: key) }
        var texts: [String] = []
        for item in items {
            guard case .bulk(let text) = item else { throw .unexpectedReply(about: key) }
            texts.append(String(buffer: text))
        }
        return texts
    }
}
