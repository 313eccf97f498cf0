/// Why there is no connection.
package struct RedisOutage: Equatable {
    package let reason: String
    /// Whether Redis is there but does not let us in: time alone does not help.
    let isRefusal: Bool

    init(_ reason: String, isRefusal: Bool = false) {
        self.reason = reason
        self.isRefusal = isRefusal
    }
}
