/// What became of having a scope's alerts looked at without a request.
package enum AlertReviewOutcome: Sendable {
    /// The batch script looks at the scope: what does not hold is resolved, and published as after a request.
    case submitted
    /// Redis cannot be asked, or what is set for the scope is not known.
    case notNow
    /// No limit holds for the scope any more, so the script does not look at it.
    case inert
}
