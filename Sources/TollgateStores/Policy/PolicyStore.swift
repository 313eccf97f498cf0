import NIOCore
import Synchronization
package import TollgateCore
package import TollgateLedger
package import TollgatePolicy
import TollgateRedis

/// The store of the settings made by administrators in Redis, shared by all sidecars.
///
/// It is not on the decision path: sidecars decide by cached settings (docs/admin-api.md, Between sidecars). It can be
/// used from any task, and sends its commands over one link.
package final class PolicyStore: Sendable {
    /// The maximum numbers of the settings that every sidecar caches.
    struct Bounds {
        var tiers = SharedPolicy.maxTiers
        var assignments = SharedPolicy.maxAssignments
    }

    private static let editFunction = RedisFunction("policy/edit")
    static let resetFunction = RedisFunction("policy/reset")

    let link: StoreLink
    private let keySpace: KeySpace
    private let keys: PolicyKeys
    private let bounds: Bounds
    /// The highest revision that this sidecar has seen.
    package let seen: SeenRevision
    /// The log of changes.
    package let auditLog: AuditLog
    /// The running sidecars.
    package let sidecars: SidecarRegistry
    /// The scopes with limits or overrides.
    package let scopeIndex: ScopeIndex

    package convenience init(link: StoreLink, keySpace: KeySpace, seen: SeenRevision = SeenRevision()) {
        self.init(link: link, keySpace: keySpace, bounds: Bounds(), seen: seen)
    }

    init(link: StoreLink, keySpace: KeySpace, bounds: Bounds, seen: SeenRevision = SeenRevision()) {
        self.link = link
        self.keySpace = keySpace
        keys = PolicyKeys(namespace: keySpace.namespace)
        self.bounds = bounds
        self.seen = seen
        auditLog = AuditLog(link: link, keys: keys, seen: seen)
        sidecars = SidecarRegistry(link: link, keys: keys)
        scopeIndex = ScopeIndex(link: link, keys: keys, unit: keySpace.moneyUnit)
    }

    // MARK: - Settings that every sidecar caches

    /// Reads the settings that every sidecar caches, as of one moment. Throws `.corrupt` if any of them is malformed.
    package func shared() async throws(StoreError) -> StoredShared {
        let (shared, fault) = try await readableShared()
        if let fault { throw fault }
        return shared
    }

    /// Reads the settings that every sidecar caches, without malformed tiers, assignments and accounts. Returns the first
    /// fault, too.
    package func readableShared() async throws(StoreError) -> (shared: StoredShared, fault: StoreError?) {
        let replies = try await link.sendAtomically([
            ["GET", keys.revision], ["HGETALL", keys.tiers], ["HGETALL", keys.assignments], ["SMEMBERS", keys.kinds],
            ["HGETALL", keys.accounts],
        ])
        var shared = StoredShared()
        shared.revision = try revision(replies[0])
        seen.note(shared.revision)
        shared.kinds = try kinds(replies[3])
        var fault: StoreError?
        do throws(StoreError) {
            for field in try StoredField.all(replies[1], of: keys.tiers) {
                shared.tiers[field.name] = try field.tier(keySpace.moneyUnit)
            }
            for field in try StoredField.all(replies[2], of: keys.assignments) {
                shared.assignments.append(try field.assignment(field.subject()))
            }
            for field in try StoredField.all(replies[4], of: keys.accounts) {
                shared.accounts[field.name] = try field.account(keySpace.moneyUnit)
            }
        } catch {
            fault = error
        }
        return (shared, fault)
    }

    private func kinds(_ reply: RedisReply) throws(StoreError) -> Set<ScopeKind> {
        var kinds: Set<ScopeKind> = []
        for word in try reply.texts(of: keys.kinds) {
            guard let kind = try? ScopeKind(parsing: word) else {
                throw .corrupt("\(keys.kinds): \(word) is not a scope kind")
            }
            kinds.insert(kind)
        }
        return kinds
    }

    private func revision(_ reply: RedisReply) throws(StoreError) -> Int64 {
        switch try reply.checked(of: keys.revision) {
        case .null: return 0
        case .bulk(let text):
            guard let number = Int64(String(buffer: text)) else {
                throw .corrupt("\(keys.revision): expected a number")
            }
            return number
        default: throw .unexpectedReply(about: keys.revision)
        }
    }

    /// Reads a tier; nil if administrators have not set one with that id.
    package func tier(_ id: String) async throws(StoreError) -> Versioned<Tier>? {
        let reply = try await link.send("HGET", keys.tiers, id)
        return try StoredField(reply, key: keys.tiers, name: id)?.tier(keySpace.moneyUnit)
    }

    /// Reads an account; nil if administrators have not set one with that id.
    package func account(_ id: String) async throws(StoreError) -> Versioned<Account>? {
        let reply = try await link.send("HGET", keys.accounts, id)
        return try StoredField(reply, key: keys.accounts, name: id)?.account(keySpace.moneyUnit)
    }

    /// Reads the assignment of a subject; nil if administrators have not set one.
    package func assignment(
        _ subject: Assignment.Subject
    ) async throws(StoreError) -> Versioned<Assignment>? {
        let (key, field) = keys.field(of: subject)
        return try StoredField(try await link.send("HGET", key, field), key: key, name: field)?.assignment(subject)
    }

    /// Returns a page of the stored assignments, including those of users, in the byte order of their ids.
    ///
    /// A change between two pages neither hides nor repeats another assignment. `count` is 1 or more.
    package func assignments(
        after cursor: String?, atMost count: Int
    ) async throws(StoreError) -> Page<Versioned<Assignment>> {
        let index = keys.assignmentIndex
        let start = try cursor.map { cursor throws(StoreError) in "(" + (try Self.subjectID(cursor)) } ?? "-"
        let reply = try await link.send("ZRANGEBYLEX", index, start, "+", "LIMIT", "0", "\(count + 1)")
        let page = Page(try reply.texts(of: index), atMost: count) { $0 }
        var subjects: [Assignment.Subject] = []
        for id in page.items {
            guard let subject = try? Assignment.Subject(id: id) else {
                throw .corrupt("\(index): \(id): expected the id of an assignment")
            }
            subjects.append(subject)
        }
        return Page(items: try await assignments(of: subjects), next: page.next)
    }

    private static func subjectID(_ cursor: String) throws(StoreError) -> String {
        let id = try PageCursor.decode(cursor)
        guard (try? Assignment.Subject(id: id)) != nil else { throw .badCursor }
        return id
    }

    /// Omits assignments that have been deleted meanwhile.
    private func assignments(
        of subjects: [Assignment.Subject]
    ) async throws(StoreError) -> [Versioned<Assignment>] {
        let fields = subjects.map(keys.field(of:))
        let replies = try await link.send(fields.map { ["HGET", $0.key, $0.field] })
        var found: [Versioned<Assignment>] = []
        for (index, reply) in replies.enumerated() {
            let field = try StoredField(reply, key: fields[index].key, name: fields[index].field)
            if let field { found.append(try field.assignment(subjects[index])) }
        }
        return found
    }

    // MARK: - Scopes

    /// Reads the settings of one scope, including an override that has ended.
    package func settings(of scope: Scope) async throws(StoreError) -> StoredSettings {
        let key = keys.settings(of: scope.description)
        return try StoredSettings(
            scope: scope, reply: try await link.send("HGETALL", key), keySpace.moneyUnit, key: key)
    }

    /// Returns a page of the scopes of a kind that were seen last, newest first.
    ///
    /// A scope that is seen again between two pages moves to the top and does not appear twice. `count` is 1 or more.
    package func scopesSeen(
        kind: ScopeKind, after cursor: String?, atMost count: Int
    ) async throws(StoreError) -> Page<SeenScope> {
        let index = TimeIndex(link: link, key: keys.seen(kind.description))
        let start = try cursor.map { cursor throws(StoreError) in try TimeIndex.Position(cursor: cursor) }
        let page = Page(try await index.positions(after: start, atMost: count + 1), atMost: count, cursor: \.text)
        var items: [SeenScope] = []
        for position in page.items {
            guard let scope = try? Scope(parsing: position.id) else {
                throw .corrupt("\(index.key): \(position.id): expected a scope")
            }
            items.append(SeenScope(scope, seenAt: position.time))
        }
        return Page(items: items, next: page.next)
    }

    /// Returns a page of the scopes of a kind that were seen last and whose first id begins with a text, newest first.
    ///
    /// It reads the whole index of the kind, up to `SeenScopes.maxPerKind` scopes, if few of them match.
    package func scopesSeen(
        kind: ScopeKind, prefix: String, after cursor: String?, atMost count: Int
    ) async throws(StoreError) -> Page<SeenScope> {
        let index = TimeIndex(link: link, key: keys.seen(kind.description))
        let start = try cursor.map { cursor throws(StoreError) in try TimeIndex.Position(cursor: cursor) }
        let page = FilteredPage<TimeIndex.Position, SeenScope>(
            portion: 1_000, maxRead: SeenScopes.maxPerKind,
            positions: { position, count throws(StoreError) in
                try await index.positions(after: position, atMost: count)
            },
            items: { positions throws(StoreError) -> [SeenScope?] in
                positions.map { position -> SeenScope? in
                    guard let scope = try? Scope(parsing: position.id), let id = scope.parts.first?.id,
                        id.utf8.starts(with: prefix.utf8)
                    else { return nil }
                    return SeenScope(scope, seenAt: position.time)
                }
            },
            cursor: \.text)
        return try await page.read(after: start, atMost: count)
    }

    /// Lists a scope among those seen, such as one that was given a limit before its first request.
    package func noteSeen(_ scope: Scope, at now: Int64) async throws(StoreError) {
        let key = keys.seen(scope.kind.description)
        _ = try await link.send("ZADD", key, "GT", "\(now)", scope.description).checked(of: key)
    }

    /// Returns whether a scope has counters or settings, or was seen lately.
    package func exists(_ scope: Scope) async throws(StoreError) -> Bool {
        let name = scope.description
        let kept = [keySpace.hash(of: scope), keys.settings(of: name)]
        let seen = keys.seen(scope.kind.description)
        // One key each, because they can be in different slots of a cluster.
        let replies = try await link.send(kept.map { ["EXISTS", $0] } + [["ZSCORE", seen, name]])
        for (key, reply) in zip(kept, replies) {
            if case .integer(let count) = try reply.checked(of: key), count > 0 { return true }
        }
        if case .null = try replies[2].checked(of: seen) { return false }
        return true
    }

    // MARK: - Changes

    /// Makes one change if the precondition is true.
    ///
    /// - Returns: The number of the change, which is the version of the item that it set.
    /// - Throws: If there is an item, `.exists` for `.absent` and `.conflict` for another version. If there is none,
    ///   `.conflict(nil)` for a version and for setting with `.any`, otherwise `.missing` for a deletion. `.inUse`,
    ///   `.unknownTier` and `.tooMany`. After `.unknownOutcome` the change may have been made.
    package func apply(
        _ edit: PolicyEdit, if precondition: Precondition, by author: Author
    ) async throws(StoreError) -> Int64 {
        let change: PolicyChange
        do {
            change = try PolicyChange(edit, keys: keys, bounds: bounds)
        } catch {
            throw .unavailable("cannot be written as JSON: \(error)")
        }
        let arguments = change.arguments(
            if: precondition, by: author, channel: keys.changes, revision: seen.last)
        let reply = try await link.call(
            Self.editFunction, keys: change.functionKeys(keys), arguments: arguments, isChange: true)
        let number = try change.number(reply, keys)
        seen.note(number)
        return number
    }

    /// Resets some counters of a scope, or all if `limits` is nil. Open reservations and the history remain.
    ///
    /// The counters and the audit log are in two slots of a cluster, so the counters are reset first. Throws
    /// `.unknownOutcome` if the reset may not be in the audit log.
    ///
    /// - Returns: The names of the limits that had a counter, in order.
    package func reset(
        _ scope: Scope, limits: [(Meter, Period)]?, by author: Author
    ) async throws(StoreError) -> [String] {
        let names = limits?.map { Limit($0.0, $0.1, max: nil).name }
        // The function resets all counters if it gets no names.
        guard names?.isEmpty != true else { return [] }
        let key = keySpace.hash(of: scope)
        let reply = try await link.call(Self.resetFunction, keys: [key], arguments: names ?? [], isChange: true)
        let words = try reply.texts(of: key)
        guard let before = words.first else { return [] }
        try await auditLog.appendReset(of: scope, before: before, by: author)
        return Array(words.dropFirst())
    }
}

/// The highest revision of the settings that a sidecar has seen. A lower one in Redis means that Redis has restored
/// older data. It can be used from any thread.
package final class SeenRevision: Sendable {
    private let highest = Mutex<Int64>(0)

    package init() {}

    /// The highest revision; 0 before the first.
    package var last: Int64 { highest.withLock { $0 } }

    package func note(_ revision: Int64) {
        highest.withLock { $0 = max($0, revision) }
    }
}
