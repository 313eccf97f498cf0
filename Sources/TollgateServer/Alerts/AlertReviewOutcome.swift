/// What became of having a scope's alerts looked at without a request.
package enum AlertReviewOutcome: Sendable {
    /// The batch script has looked at the scope: what does not hold is resolved, and published as after a request.
    case reviewed
    /// Redis cannot be asked, or what is set for the scope is not known.
    case notNow
    /// No limit of the scope counts anything any more, so the script does not look at it.
    case noLimits
}
