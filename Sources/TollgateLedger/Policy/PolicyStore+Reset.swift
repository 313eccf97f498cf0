package import TollgateCore
import TollgateRedis

extension PolicyStore {
    /// Takes away what a scope has used of some limits, or of all where `limits` is nil. What open reservations hold stays, and so
    /// does the history.
    ///
    /// - Returns: the names of the limits that had anything to take away, in order.
    package func reset(
        _ scope: Scope, limits: [(Meter, Period)]?, by author: Author
    ) async throws(StoreError) -> [String] {
        let names = limits?.map { Limit($0.0, $0.1, max: nil).name }
        // No names would be all of them.
        guard names?.isEmpty != true else { return [] }
        let keys = [keySpace.hash(of: scope), keys.revision, keys.audit]
        let reply = try await link.call(
            Self.resetFunction, keys: keys,
            arguments: [scope.description, self.keys.changes, author.name, author.address, "\(seen.last)"]
                + (names ?? []),
            isChange: true)
        if case .array(let words) = reply, words.count == 2, case .integer(let place) = words[1],
            keys.indices.contains(Int(place) - 1)
        {
            throw .corrupt("\(keys[Int(place) - 1]): is of another type")
        }
        return try reply.texts(of: keys[0])
    }
}
