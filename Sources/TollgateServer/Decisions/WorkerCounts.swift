/// The counters of one worker since the start, for STATUS.
package struct WorkerCounts: Encodable, Sendable {
    package var allowed = 0
    package var denied = 0
    /// Decisions among `allowed` that a limit in shadow mode would have denied.
    package var wouldDeny = 0
    /// Applied operations of RECORD, REFUND, COMMIT and CANCEL.
    package var applied = 0
    /// Operations that were not applied again, because their idempotency key was known.
    package var duplicates = 0
    /// Operations that went to the journal, to be applied later.
    package var queued = 0
    /// Decisions that were made without Redis.
    package var degraded = 0
    package var errors = 0
    /// Requests among `errors` that were refused as `busy` because they had waited too long for their turn.
    package var shed = 0
    /// Abandoned reservations that could not be cancelled. Their holds expire.
    package var holdsNotCancelled = 0
    /// Connections that are open now.
    package var connections = 0
    /// Open connections that have subscribed to alerts.
    package var alertSubscribers = 0
    /// Operations sent to Redis, and the number of their batches.
    package var operations = 0
    package var batches = 0
    /// Scopes whose plans are cached now.
    package var scopesCached = 0
    /// Scopes of requests, and the number of them whose administrators' settings had to be read from Redis.
    package var scopesResolved = 0
    package var scopesLookedUp = 0

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
