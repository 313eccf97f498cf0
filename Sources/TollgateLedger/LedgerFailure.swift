/// Why an operation got no answer from Redis. Says nothing about whether it was applied, unless it says that it was not.
package enum LedgerFailure: Error, Equatable, Sendable {
    /// No connection; not applied. Or it broke while the operation was under way.
    case unavailable(String)
    /// The deadline passed.
    case timeout
    /// Too many operations are waiting already; not applied.
    case busy
    /// Redis or the script answered something that is not an answer. Never a reason to let a request pass.
    case `internal`(String)
}
