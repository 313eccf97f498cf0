import TollgateCore
import TollgateLedger
import TollgateRedis

/// The author of a change, as the audit log names it.
package struct Author: Sendable, Equatable {
    /// The name of the token, or the subject of the JWT.
    package var name: String
    /// The address that the request came from.
    package var address: String

    package init(name: String, address: String) {
        self.name = name
        self.address = address
    }
}

/// An entry of the audit log.
package struct AuditEntry: Sendable {
    /// The stream id: `1795264800000-0`.
    package var id: String
    /// The time of the change by Redis's clock, Unix ms.
    package var at: Int64
    package var author: Author
    /// The kind of change: `tier.set`, `tier.delete`, `assignment.set`, `assignment.delete`, `limits.set`,
    /// `limits.delete`, `override.set`, `override.clear`, `account.set`, `account.delete`, `scope.reset`,
    /// `alert.acknowledge`, `alert.resolve` or `log_level.set`.
    package var action: String
    /// The id of the tier, the assignment, the account or the alert, the scope, or the name of the sidecar.
    package var target: String
    /// The value before the change as JSON; nil if there was none.
    package var before: String?
    /// The value after the change as JSON; nil if it was deleted.
    package var after: String?
    /// The number of the change; nil if it did not change settings.
    package var revision: Int64?

    package init(
        id: String, at: Int64, author: Author, action: String, target: String, before: String?, after: String?,
        revision: Int64?
    ) {
        self.id = id
        self.at = at
        self.author = author
        self.action = action
        self.target = target
        self.before = before
        self.after = after
        self.revision = revision
    }

    /// Decodes the fields of a stream entry; nil if a field is missing or malformed.
    fileprivate init?(id: String, fields: [String: String]) {
        guard let time = id.split(separator: "-").first.flatMap({ Int64($0) }), let who = fields["who"],
            let from = fields["from"], let action = fields["action"], let target = fields["target"],
            fields["version"] == nil || fields["version"].flatMap({ Int64($0) }) != nil
        else { return nil }
        self.init(
            id: id, at: time, author: Author(name: who, address: from), action: action, target: target,
            before: Self.json(fields["before"]), after: Self.json(fields["after"]),
            revision: fields["version"].flatMap { Int64($0) })
    }

    private static func json(_ text: String?) -> String? { text == "null" ? nil : text }
}

/// The log of the changes that administrators made. It retains the last 10 000 changes, or a few more.
package struct AuditLog: Sendable {
    private static let resetFunction = RedisFunction("policy/audit")

    let link: StoreLink
    let keys: PolicyKeys
    let seen: SeenRevision

    /// Returns a page of entries, newest first. `count` is 1 or more.
    ///
    /// - Throws: `.badCursor`; `.corrupt` if an entry is malformed.
    package func entries(before cursor: String?, atMost count: Int) async throws(StoreError) -> Page<AuditEntry> {
        let start = try cursor.map { cursor throws(StoreError) in "(" + (try PageCursor.decodeStreamID(cursor)) } ?? "+"
        let reply = try await link.send("XREVRANGE", keys.audit, start, "-", "COUNT", "\(count + 1)")
        var entries: [AuditEntry] = []
        for item in try StreamEntry.all(reply, of: keys.audit) {
            guard let entry = AuditEntry(id: item.id, fields: item.fields) else {
                throw .corrupt("\(keys.audit), entry \(item.id): malformed entry")
            }
            entries.append(entry)
        }
        return Page(entries, atMost: count, cursor: \.id)
    }

    /// Appends an action that did not change settings.
    ///
    /// - Parameters:
    ///   - before: JSON.
    ///   - after: JSON.
    /// - Throws: `.unknownOutcome` if the entry may have been appended.
    package func append(
        _ action: String, _ target: String, before: String, after: String, by author: Author
    ) async throws(StoreError) {
        let entry = [
            "who", author.name, "from", author.address, "action", action, "target", target, "before", before, "after",
            after,
        ]
        let replies = try await link.send(
            [["XADD", keys.audit, "MAXLEN", "~", "10000", "*"] + entry], isChange: true)
        _ = try replies[0].checked(of: keys.audit)
    }

    /// Appends the reset of a scope's counters and publishes the change to all sidecars.
    ///
    /// - Parameter before: The counters before the reset, as JSON.
    /// - Throws: `.unknownOutcome` if the entry may not have been appended.
    func appendReset(of scope: Scope, before: String, by author: Author) async throws(StoreError) {
        let keys = [keys.revision, keys.audit]
        let reply: RedisReply
        do throws(StoreError) {
            reply = try await link.call(
                Self.resetFunction, keys: keys,
                arguments: [
                    self.keys.changes, author.name, author.address, "scope.reset", scope.description, before,
                    "\(seen.last)",
                ], isChange: true)
        } catch {
            throw .unknownOutcome("the counters were reset, but the audit log entry may be missing: \(error)")
        }
        if case .array(let words) = reply, words.count == 2, case .integer(let position) = words[1],
            keys.indices.contains(Int(position) - 1)
        {
            throw .corrupt("\(keys[Int(position) - 1]): wrong data type")
        }
        _ = try reply.checked(of: keys[1])
    }
}
