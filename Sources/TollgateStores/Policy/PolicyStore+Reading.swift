import NIOCore
package import TollgateCore
package import TollgatePolicy
import TollgateRedis

extension PolicyStore {
    /// What every sidecar keeps whole, as it was at one moment.
    package func shared() async throws(StoreError) -> StoredShared {
        let (shared, fault) = try await sharedInPart()
        if let fault { throw fault }
        return shared
    }

    /// The same without the tiers and assignments that cannot be read, and what is wrong with the first of them.
    package func sharedInPart() async throws(StoreError) -> (shared: StoredShared, fault: StoreError?) {
        let replies = try await link.askAtOnce([
            ["GET", keys.revision], ["HGETALL", keys.tiers], ["HGETALL", keys.assignments], ["SMEMBERS", keys.kinds],
        ])
        var shared = StoredShared()
        shared.revision = try revision(replies[0])
        seen.note(shared.revision)
        shared.kinds = try kinds(replies[3])
        var fault: StoreError?
        do throws(StoreError) {
            for field in try StoredField.all(replies[1], of: keys.tiers) {
                shared.tiers[field.name] = try field.tier()
            }
            for field in try StoredField.all(replies[2], of: keys.assignments) {
                shared.assignments.append(try field.assignment(field.subject()))
            }
        } catch {
            fault = error
        }
        return (shared, fault)
    }

    private func kinds(_ reply: RedisReply) throws(StoreError) -> Set<ScopeKind> {
        guard case .array(let words) = try reply.checked(of: keys.kinds) else {
            throw .unexpectedReply(about: keys.kinds)
        }
        var kinds: Set<ScopeKind> = []
        for case .bulk(let word) in words {
            guard let kind = try? ScopeKind(parsing: String(buffer: word)) else {
                throw .corrupt("\(keys.kinds): \(String(buffer: word)) is no kind")
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

    /// What is stored of one scope; an override that has ended is still among it.
    package func settings(of scope: Scope) async throws(StoreError) -> StoredSettings {
        let key = keys.settings(of: scope.description)
        return try StoredSettings(scope: scope, reply: try await link.ask("HGETALL", key), key: key)
    }

    /// Nil where administrators have set none of that id.
    package func tier(_ id: String) async throws(StoreError) -> Versioned<Tier>? {
        let reply = try await link.ask("HGET", keys.tiers, id)
        return try StoredField(reply, key: keys.tiers, name: id)?.tier()
    }

    /// Nil where administrators have set none for the subject.
    package func assignment(
        _ subject: Assignment.Subject
    ) async throws(StoreError) -> Versioned<Assignment>? {
        let place = keys.place(of: subject)
        let reply = try await link.ask("HGET", place.key, place.field)
        return try StoredField(reply, key: place.key, name: place.field)?.assignment(subject)
    }
}
