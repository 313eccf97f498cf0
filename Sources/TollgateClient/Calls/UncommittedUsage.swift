public import TollgateCore

/// The error of `guarded` if its closure returned, but the usage could not be committed after several attempts, or the
/// sidecar refused the amounts. It carries the result and everything that a later `commit` needs.
public struct UncommittedUsage<Value: Sendable>: Error {
    /// The closure's result.
    public let value: Value
    /// The usage that the closure returned.
    public let amounts: Amounts
    /// The reservation. It can be committed again until 24 hours after it expires. The usage counts once, even if a
    /// lost attempt was applied.
    public let reservation: Reservation
    /// The error of `commit`.
    public let cause: any Error
}

extension UncommittedUsage: CustomStringConvertible {
    /// The text `usage not committed: ` and the cause.
    public var description: String { "usage not committed: \(cause)" }
}
