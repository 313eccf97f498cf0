/// The reason why a link has no connection.
package struct RedisOutage: Equatable {
    /// A phrase for log lines and reports.
    package let reason: String
    /// Whether Redis is reachable but rejects the login. An operator has to fix it.
    let isRefusal: Bool
    /// Whether Redis is reachable but cannot be used, for example because of its version. An operator has to fix it.
    let isUnsupported: Bool

    init(_ reason: String, isRefusal: Bool = false) {
        self.init(reason, isRefusal: isRefusal, isUnsupported: false)
    }

    private init(_ reason: String, isRefusal: Bool, isUnsupported: Bool) {
        self.reason = reason
        self.isRefusal = isRefusal
        self.isUnsupported = isUnsupported
    }

    static func tooOld(_ version: RedisVersion) -> RedisOutage {
        .unsupported("Redis \(version) is too old: Tollgate needs Redis \(RedisVersion.oldestMajor).0 or later")
    }

    static func unsupported(_ reason: String) -> RedisOutage {
        RedisOutage(reason, isRefusal: false, isUnsupported: true)
    }

    /// Whether only an operator can end the outage, so that an early retry is pointless.
    var needsOperator: Bool { isRefusal || isUnsupported }
}
