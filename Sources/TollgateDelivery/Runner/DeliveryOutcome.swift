/// What became of an attempt.
enum DeliveryOutcome: Sendable, Equatable {
    case delivered
    case failed(DeliveryFailure)
}

/// Why an attempt failed.
struct DeliveryFailure: Sendable, Equatable {
    /// A few words that hold no secret: `status 503`.
    var sentence: String
    /// Whether the receiver says that the same will never do, as with a wrong token. Any other failure is one of the receiver as a
    /// whole: it is not there, too slow, broken or asked too much.
    var isPermanent = false
    /// How long the receiver wants to be left alone.
    var retryAfter: Duration?
}
