package import TollgateCore
import TollgateLedger
import TollgateRedis

extension AlertStore {
    static let settleFunction = RedisFunction("alerts/remove_published")

    /// Removes an item that has been published from the scope's outbox. Harmless when it is repeated.
    package func settle(_ item: String, of scope: Scope) async throws(StoreError) {
        let key = keySpace.hash(of: scope)
        let reply = try await link.call(Self.settleFunction, keys: [key], arguments: [item], isChange: true)
        _ = try reply.checked(of: key)
    }
}
