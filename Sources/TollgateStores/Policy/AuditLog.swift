import TollgateCore
import TollgateRedis

extension PolicyStore {
    /// Who changed what, newest first: the last 10 000 changes, and some more. `count` is 1 or more.
    package func audit(before cursor: String?, atMost count: Int) async throws(StoreError) -> Page<AuditEntry> {
        let start = try cursor.map { cursor throws(StoreError) in "(" + (try Self.streamID(cursor)) } ?? "+"
        let reply = try await link.ask("XREVRANGE", keys.audit, start, "-", "COUNT", "\(count + 1)")
        var entries: [AuditEntry] = []
        for item in try StreamEntry.all(reply, of: keys.audit) { entries.append(try entry(item)) }
        let page = PageCursor.cut(entries, atMost: count, place: \.id)
        return Page(items: Array(page.items), next: page.next)
    }

    /// Notes what somebody has done to other things than what administrators set. `before` and `after` are JSON. Throws
    /// `.unknownOutcome` where it may stand in the log all the same.
    package func note(
        _ action: String, _ target: String, before: String, after: String, by author: Author
    ) async throws(StoreError) {
        let entry = [
            "who", author.name, "from", author.address, "action", action, "target", target, "before", before, "after",
            after,
        ]
        let replies = try await link.ask(
            [["XADD", keys.audit, "MAXLEN", "~", "10000", "*"] + entry], isChange: true)
        _ = try replies[0].checked(of: keys.audit)
    }

    private static func streamID(_ cursor: String) throws(StoreError) -> String {
        let id = try PageCursor.decode(cursor)
        guard StreamEntry.isID(id) else { throw .badCursor }
        return id
    }

    private func entry(_ stored: StreamEntry) throws(StoreError) -> AuditEntry {
        guard let entry = AuditEntry(id: stored.id, fields: stored.fields) else {
            throw .corrupt("\(keys.audit), entry \(stored.id): cannot be read")
        }
        return entry
    }
}

extension AuditEntry {
    /// Nil where a field is missing.
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
