package import TollgateCore
import TollgateRedis

extension AlertStore {
    static let settleFunction = RedisFunction("alerts/settle")

    /// Takes a line that has been published out of the scope's hash, which kept it until now. Harmless when it is repeated.
    package func settle(_ line: String, of scope: Scope) async throws(StoreError) {
        let key = keySpace.hash(of: scope)
        let reply = try await link.call(Self.settleFunction, keys: [key], arguments: [line], isChange: true)
        _ = try reply.checked(of: key)
    }
}
