/// Why there is no connection.
struct RedisOutage: Equatable {
    let reason: String
    /// Whether Redis is there but does not let us in: time alone does not help.
    let isRefusal: Bool

    init(_ reason: String, isRefusal: Bool = false) {
        self.reason = reason
        self.isRefusal = isRefusal
    }
}
