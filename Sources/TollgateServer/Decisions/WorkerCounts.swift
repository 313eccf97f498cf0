/// What one worker has answered since the start.
struct WorkerCounts: Encodable, Sendable {
    var allowed = 0
    var denied = 0
    /// RECORD, REFUND, COMMIT and CANCEL that were applied.
    var applied = 0
    /// Those that had been applied before.
    var duplicates = 0
    /// Those that were kept on disk, to be applied later.
    var queued = 0
    /// Decisions answered without Redis.
    var degraded = 0
    var errors = 0
    /// Of these, requests that were refused as `busy` because they had waited too long for their turn.
    var shed = 0
    /// Reservations that were given up and not cancelled: what they hold ends by itself.
    var holdsNotCancelled = 0
    /// Open now.
    var connections = 0
    /// Of these, those that have asked for alerts.
    var alertSubscribers = 0
    /// Operations sent to Redis, and the batches they went in.
    var operations = 0
    var batches = 0
    /// Scopes whose plans are kept now.
    var scopesCached = 0
    /// Scopes that requests were about, and for how many of them what administrators have set had to be looked up in Redis.
    var scopesResolved = 0
    var scopesLookedUp = 0

    static func + (lhs: Self, rhs: Self) -> Self {
        var sum = lhs
        sum.allowed += rhs.allowed
        sum.denied += rhs.denied
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
