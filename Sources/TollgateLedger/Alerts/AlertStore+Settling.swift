import LuaScripts
import TollgateCore
import TollgateRedis

extension AlertStore {
    static let settleScript = RedisScript(name: "alert_settle", source: LuaScripts.alertSettle)

    /// Takes what has been published out of the scope's hash, which kept it until now.
    package func settle(_ pending: PendingAlerts) async throws(StoreError) {
        let key = "\(namespace):{\(pending.scope)}"
        let reply = try await link.evaluate(
            Self.settleScript, keys: [key], arguments: pending.changes.map(\.line))
        _ = try reply.checked(of: key)
    }
}
