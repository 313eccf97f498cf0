/// Why there is no connection.
package struct RedisOutage: Equatable {
    package let reason: String
    /// Whether Redis is there but does not let us in: time alone does not help.
    let isRefusal: Bool
    /// Whether Redis is there but of a version that cannot be used: time alone does not help.
    let isTooOld: Bool

    init(_ reason: String, isRefusal: Bool = false) {
        self.init(reason, isRefusal: isRefusal, isTooOld: false)
    }

    private init(_ reason: String, isRefusal: Bool, isTooOld: Bool) {
        self.reason = reason
        self.isRefusal = isRefusal
        self.isTooOld = isTooOld
    }

    static func tooOld(_ version: RedisVersion) -> RedisOutage {
        RedisOutage(
            "Redis \(version) is too old: Tollgate needs Redis \(RedisVersion.oldestMajor).0 or later",
            isRefusal: false, isTooOld: true)
    }

    /// Whether another attempt soon is of no use.
    var needsPerson: Bool { isRefusal || isTooOld }
}
