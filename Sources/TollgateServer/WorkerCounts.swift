/// What one worker has answered since the start.
struct WorkerCounts: Sendable {
    var allowed = 0
    var denied = 0
    /// RECORD and REFUND that were applied.
    var applied = 0
    /// Decisions answered without Redis.
    var degraded = 0
    var errors = 0
    var connections = 0
    var operations = 0
    var batches = 0
    var scopesCached = 0

    static func + (lhs: Self, rhs: Self) -> Self {
        var sum = lhs
        sum.allowed += rhs.allowed
        sum.denied += rhs.denied
        sum.applied += rhs.applied
        sum.degraded += rhs.degraded
        sum.errors += rhs.errors
        sum.connections += rhs.connections
        sum.operations += rhs.operations
        sum.batches += rhs.batches
        sum.scopesCached += rhs.scopesCached
        return sum
    }
}
