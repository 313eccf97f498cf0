package import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateRedis

extension PolicyStore {
    /// Takes away what a scope has used of some limits, or of all where `limits` is nil. What open reservations hold stays, and so
    /// does the history.
    ///
    /// The keys are in two slots of a cluster, so the counters go first, and then that is noted. Throws `.unknownOutcome` where it may
    /// not have been noted.
    ///
    /// - Returns: the names of the limits that had anything to take away, in order.
    package func reset(
        _ scope: Scope, limits: [(Meter, Period)]?, by author: Author
    ) async throws(StoreError) -> [String] {
        let names = limits?.map { Limit($0.0, $0.1, max: nil).name }
        // No names would be all of them.
        guard names?.isEmpty != true else { return [] }
        let key = keySpace.hash(of: scope)
        let reply = try await link.call(Self.resetFunction, keys: [key], arguments: names ?? [], isChange: true)
        let words = try reply.texts(of: key)
        guard let before = words.first else { return [] }
        try await noteReset(of: scope, before: before, by: author)
        return Array(words.dropFirst())
    }

    private func noteReset(of scope: Scope, before: String, by author: Author) async throws(StoreError) {
        let keys = [keys.revision, keys.audit]
        let reply: RedisReply
        do throws(StoreError) {
            reply = try await link.call(
                Self.auditFunction, keys: keys,
                arguments: [
                    self.keys.changes, author.name, author.address, "scope.reset", scope.description, before,
                    "\(seen.last)",
                ], isChange: true)
        } catch {
            throw .unknownOutcome("the counters were reset, which is perhaps not in the audit log: \(error)")
        }
        if case .array(let words) = reply, words.count == 2, case .integer(let place) = words[1],
            keys.indices.contains(Int(place) - 1)
        {
            throw .corrupt("\(keys[Int(place) - 1]): is of another type")
        }
        _ = try reply.checked(of: keys[1])
    }
}
