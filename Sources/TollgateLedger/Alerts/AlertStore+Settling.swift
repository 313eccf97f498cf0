import LuaScripts
package import TollgateCore
import TollgateRedis

extension AlertStore {
    static let settleScript = RedisScript(name: "alert_settle", source: LuaScripts.alertSettle)

    /// Takes lines that have been published out of the scope's hash, which kept them until now.
    package func settle(_ lines: [String], of scope: Scope) async throws(StoreError) {
        let key = "\(namespace):{\(scope)}"
        let reply = try await link.evaluate(Self.settleScript, keys: [key], arguments: lines)
        _ = try reply.checked(of: key)
    }
}
