import TollgateLedger

/// The steps, in the order of a CHECK's way.
public enum MicroStepName: String, CaseIterable, Sendable {
    /// A line becomes a request.
    case parse
    /// A request becomes the plans of its scopes.
    case resolve
    /// The operation joins a batch.
    case append
    /// A batch becomes the EVALSHA for Redis.
    case encode
    /// Redis's reply to a batch becomes answers.
    case decode
    /// An answer becomes the text of a reply.
    case write

    /// How many CHECKs one run of the step is for.
    public var checks: Int {
        switch self {
        case .parse, .resolve, .append, .write: 1
        case .encode, .decode: checksInBatch
        }
    }
}
