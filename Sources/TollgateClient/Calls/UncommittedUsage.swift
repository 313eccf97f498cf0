public import TollgateCore

/// The closure of `guarded` returned, but what it reported could not be committed: the sidecar gave no answer in several
/// attempts, or refused the amounts. Carries the result, so that it is not lost, and what a later `commit` needs.
public struct UncommittedUsage<Value: Sendable>: Error {
    /// What the closure returned.
    public let value: Value
    /// What it reported.
    public let amounts: Amounts
    /// May be committed again within 24 hours after it has expired; counts once even if the lost attempt was counted.
    public let reservation: Reservation
    /// What `commit` threw.
    public let cause: any Error
}

extension UncommittedUsage: CustomStringConvertible {
    /// `usage not committed: ` and the cause
    public var description: String { "usage not committed: \(cause)" }
}
