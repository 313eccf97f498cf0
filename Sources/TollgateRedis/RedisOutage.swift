/// Why there is no connection.
package struct RedisOutage: Equatable {
    package let reason: String
    /// Whether Redis is there but does not let us in: time alone does not help.
    let isRefusal: Bool
    /// Whether Redis is there but cannot be used, as for its version: time alone does not help.
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

    /// Whether another attempt soon is of no use.
    var needsPerson: Bool { isRefusal || isUnsupported }
}
