package import TollgateCore
import TollgatePolicy
package import TollgateRedis

extension StoredSettings {
    /// What HGETALL of `PolicyKeys.settings(of:)` replies about a scope; nothing stored is empty settings.
    ///
    /// - Throws: `.corrupt` where a field cannot be read, `.unavailable` where the reply is an error.
    package init(scope: Scope, reply: RedisReply) throws(StoreError) {
        try self.init(scope: scope, reply: reply, key: "{policy}:scope:\(scope)")
    }

    /// `key` as messages name it.
    init(scope: Scope, reply: RedisReply, key: String) throws(StoreError) {
        self.init()
        for field in try StoredField.all(reply, of: key) {
            switch field.name {
            case "assignment": assignment = try field.assignment(Self.subject(of: scope, field))
            case "limits": limits = try field.limits()
            case "override": override = try field.override()
            default: break
            }
        }
    }

    private static func subject(
        of scope: Scope, _ field: StoredField
    ) throws(StoreError) -> Assignment.Subject {
        guard scope.parts.count == 1, scope.parts[0].kind == "user" else {
            throw field.corrupt("only users have an assignment")
        }
        return .user(scope)
    }
}
