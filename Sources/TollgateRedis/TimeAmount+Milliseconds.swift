package import NIOCore

extension TimeAmount {
    /// The amount in milliseconds, rounded down.
    package var milliseconds: Int64 { nanoseconds / 1_000_000 }
}
