/// The counters of one worker since the start, for STATUS.
struct WorkerCounts: Encodable, Sendable {
    var allowed = 0
    var denied = 0
    /// Decisions among `allowed` that a limit in shadow mode would have denied.
    var wouldDeny = 0
    /// Applied operations of RECORD, REFUND, COMMIT and CANCEL.
    var applied = 0
    /// Operations that were not applied again, because their idempotency key was known.
    var duplicates = 0
    /// Operations that went to the journal, to be applied later.
    var queued = 0
    /// Decisions that were made without Redis.
    var degraded = 0
    var errors = 0
    /// Requests among `errors` that were refused as `busy` because they had waited too long for their turn.
    var shed = 0
    /// Abandoned reservations that could not be cancelled. Their holds expire.
    var holdsNotCancelled = 0
    /// Connections that are open now.
    var connections = 0
    /// Open connections that have subscribed to alerts.
    var alertSubscribers = 0
    /// Operations sent to Redis, and the number of their batches.
    var operations = 0
    var batches = 0
    /// Scopes whose plans are cached now.
    var scopesCached = 0
    /// Scopes of requests, and the number of them whose administrators' settings had to be read from Redis.
    var scopesResolved = 0
    var scopesLookedUp = 0

    static func + (lhs: Self, rhs: Self) -> Self {
        var sum = lhs
        sum.allowed += rhs.allowed
        sum.denied += rhs.denied
        sum.wouldDeny += rhs.wouldDeny
        sum.applied += rhs.applied
        sum.duplicates += rhs.duplicates
        sum.queued += rhs.queued
        sum.degraded += rhs.degraded
        sum.errors += rhs.errors
        sum.shed += rhs.shed
        sum.holdsNotCancelled += rhs.holdsNotCancelled
        sum.connections += rhs.connections
        sum.alertSubscribers += rhs.alertSubscribers
        sum.operations += rhs.operations
        sum.batches += rhs.batches
        sum.scopesCached += rhs.scopesCached
        sum.scopesResolved += rhs.scopesResolved
        sum.scopesLookedUp += rhs.scopesLookedUp
        return sum
    }
}
