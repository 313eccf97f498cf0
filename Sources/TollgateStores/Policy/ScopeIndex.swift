import NIOCore
package import TollgateCore
import TollgateLedger
package import TollgatePolicy
import TollgateRedis

/// A scope with its limits or its override, as administrators set them.
package struct ScopeSetting<Item: Sendable>: Sendable {
    package var scope: Scope
    package var item: Item
    package var version: Int64
}

/// The lists of all scopes with limits or overrides of administrators, by two indexes in Redis
/// (lua/policy/scope_index.lua). It can be used from any task.
///
/// Each change of settings updates the indexes. A list first indexes the changes that are in the audit log since the
/// last list, because sidecars of an earlier version do not update the indexes.
package struct ScopeIndex: Sendable {
    private static let indexFunction = RedisFunction("policy/index")
    /// The maximum number of scopes in a call of the function, and of entries that are read at a time.
    private static let portion = 500

    let link: StoreLink
    let keys: PolicyKeys
    let unit: MoneyUnit

    /// Returns a page of the scopes with limits, in the byte order of the scopes. `count` is 1 or more.
    ///
    /// - Throws: `.badCursor`; `.corrupt` if an entry is malformed.
    package func limits(
        after cursor: String?, atMost count: Int
    ) async throws(StoreError) -> Page<ScopeSetting<[Limit]>> {
        try await indexChanges()
        let start = try cursor.map { cursor throws(StoreError) in "(" + (try Self.scope(at: cursor)) } ?? "-"
        let key = keys.limitsIndex
        let reply = try await link.send("ZRANGEBYLEX", key, start, "+", "LIMIT", "0", "\(count + 1)")
        let page = Page(try reply.texts(of: key), atMost: count) { $0 }
        let items = try await settings(of: page.items, field: "limits", index: key) { field throws(StoreError) in
            try field.limits(unit)
        }
        return Page(items: items, next: page.next)
    }

    /// Returns a page of the overrides that have not ended, those that end first before the others. `count` is 1 or
    /// more.
    ///
    /// - Parameter now: Redis's time, Unix ms.
    /// - Throws: `.badCursor`; `.corrupt` if an entry is malformed.
    package func overrides(
        after cursor: String?, atMost count: Int, now: Int64
    ) async throws(StoreError) -> Page<ScopeSetting<Override>> {
        try await indexChanges()
        let index = TimeIndex(link: link, key: keys.overridesIndex, order: .oldestFirst)
        let start = try cursor.map { cursor throws(StoreError) in try TimeIndex.Position(cursor: cursor) }
        let positions = try await index.positions(
            after: start ?? TimeIndex.Position(time: now, id: ""), atMost: count + 1)
        let page = Page(positions, atMost: count, cursor: \.text)
        let items = try await settings(
            of: page.items.map(\.id), field: "override", index: index.key
        ) { field throws(StoreError) in try field.override(unit) }
        return Page(items: items.filter { $0.item.expiresAt > now }, next: page.next)
    }

    /// Reads a field of the settings of each scope. Omits settings that have been deleted meanwhile.
    private func settings<Item: Sendable>(
        of scopes: [String], field name: String, index: String,
        _ read: (StoredField) throws(StoreError) -> Versioned<Item>
    ) async throws(StoreError) -> [ScopeSetting<Item>] {
        let replies = try await link.send(scopes.map { ["HGET", keys.settings(of: $0), name] })
        var found: [ScopeSetting<Item>] = []
        for (text, reply) in zip(scopes, replies) {
            guard let scope = try? Scope(parsing: text) else { throw .corrupt("\(index): \(text): expected a scope") }
            guard let field = try StoredField(reply, key: keys.settings(of: text), name: name) else { continue }
            let stored = try read(field)
            found.append(ScopeSetting(scope: scope, item: stored.item, version: stored.version))
        }
        return found
    }

    private static func scope(at cursor: String) throws(StoreError) -> String {
        let text = try PageCursor.decode(cursor)
        guard (try? Scope(parsing: text)) != nil else { throw .badCursor }
        return text
    }
}

extension ScopeIndex {
    /// Indexes the scopes of the changes since the last call. The first call of a namespace also indexes scopes whose
    /// changes may no longer be in the audit log: those that were seen recently, and users with an assignment.
    private func indexChanges() async throws(StoreError) {
        var last = try await indexedUntil()
        if last == nil {
            try await indexSeenScopes()
            try await indexAssignedUsers()
        }
        while true {
            let reply = try await link.send(
                "XRANGE", keys.audit, last.map { "(" + $0 } ?? "-", "+", "COUNT", "\(Self.portion)")
            let entries = try StreamEntry.all(reply, of: keys.audit)
            try await index(
                entries.filter { ["limits", "override"].contains($0.fields["action"]?.prefix { $0 != "." }) }
                    .compactMap { $0.fields["target"] })
            let end = entries.last?.id ?? last ?? "0-1"
            if end != last { try await note(indexedUntil: end) }
            last = end
            guard entries.count == Self.portion else { return }
        }
    }

    private func indexedUntil() async throws(StoreError) -> String? {
        let reply = try await link.send("GET", keys.indexed).checked(of: keys.indexed)
        guard case .bulk(let text) = reply else { return nil }
        guard StreamID.isValid(String(buffer: text)) else {
            throw .corrupt("\(keys.indexed): expected the id of an entry of the audit log")
        }
        return String(buffer: text)
    }

    private func note(indexedUntil id: String) async throws(StoreError) {
        _ = try await link.send([["SET", keys.indexed, id]], isChange: true)[0].checked(of: keys.indexed)
    }

    private func indexSeenScopes() async throws(StoreError) {
        for kind in try await link.send("SMEMBERS", keys.kinds).texts(of: keys.kinds) {
            let seen = TimeIndex(link: link, key: keys.seen(kind))
            var last: TimeIndex.Position?
            while true {
                let positions = try await seen.positions(after: last, atMost: Self.portion)
                try await index(positions.map(\.id))
                last = positions.last
                guard positions.count == Self.portion else { break }
            }
        }
    }

    private func indexAssignedUsers() async throws(StoreError) {
        var start = "[user:"
        while true {
            let reply = try await link.send(
                "ZRANGEBYLEX", keys.assignmentIndex, start, "(user;", "LIMIT", "0", "\(Self.portion)")
            let ids = try reply.texts(of: keys.assignmentIndex)
            try await index(
                ids.compactMap { id in
                    guard case .user(let user)? = try? Assignment.Subject(id: id) else { return nil }
                    return user.description
                })
            guard ids.count == Self.portion, let last = ids.last else { return }
            start = "(" + last
        }
    }

    /// Makes the indexes fit the settings of these scopes.
    private func index(_ scopes: [String]) async throws(StoreError) {
        guard !scopes.isEmpty else { return }
        let keys = [keys.limitsIndex, keys.overridesIndex] + scopes.map(keys.settings(of:))
        let reply = try await link.call(Self.indexFunction, keys: keys, arguments: scopes, isChange: true)
        if case .array(let words) = reply, words.count == 2, case .integer(let position) = words[1],
            keys.indices.contains(Int(position) - 1)
        {
            throw .corrupt("\(keys[Int(position) - 1]): wrong data type")
        }
        _ = try reply.checked(of: keys[0])
    }
}
