import NIOCore
import TollgateCore

/// Operations that go to Redis together, with the delegates that wait for their answers. Owned by one event loop.
final class Batch {
    /// The size at which a batch is full.
    struct Bounds: Sendable {
        var operations: Int
        /// The number of distinct scopes, which determines how long Redis takes.
        var scopes: Int

        /// For high throughput.
        static let long = Bounds(operations: capacity, scopes: 640)
        /// For short waits: a request waits for the batch in flight, for the full one after it, and for its own.
        static let short = Bounds(operations: 192, scopes: 96)
    }

    /// The maximum number of operations of a batch.
    static let capacity = 512

    struct Entry {
        var delegate: any OperationDelegate
        var ticket: Int
        var verb: OperationVerb
        var failsClosed: Bool
        /// The arrival of a request for a decision, in nanoseconds of the clock of `NIODeadline`; 0 for all others.
        var arrivedAt: UInt64
    }

    struct UsageRequest {
        var plan: ScopePlan
        var completion: (Result<ScopeUsage, LedgerFailure>) -> Void
    }

    let number: Int
    /// The time at which the batch was begun.
    var begunAt: NIODeadline
    private let bounds: Bounds
    /// The time at which the batch was last sent.
    var sentAt = NIODeadline.uptimeNanoseconds(0)
    /// The number of usage reads in flight.
    var openReads = 0
    // Without run-time checks of exclusive access, which would be a tenth of an operation: appending makes no
    // callbacks.
    @exclusivity(unchecked) private(set) var entries: [Entry] = []
    @exclusivity(unchecked) private(set) var encoder: BatchEncoder
    /// The terms of the few operations that have any, by index in ``entries``.
    @exclusivity(unchecked) private(set) var terms: [Int: OperationTerms] = [:]
    /// The traits of users (`UserTraits.bytes`) that writes came with, by index in ``entries``.
    @exclusivity(unchecked) private(set) var traits: [Int: [UInt8]] = [:]
    /// Whether the batch has writes, which must count exactly once whatever happens to the reply.
    @exclusivity(unchecked) private(set) var hasWrites = false
    /// Whether the batch has a REFUND or CANCEL, which must not overtake the usage that it subtracts.
    @exclusivity(unchecked) private(set) var takesBack = false
    /// Whether the batch is replayed from the journal. Its entries stay there if it fails.
    var isReplay = false
    /// The identity under which Redis applies the batch at most once; nil before it is sent, and for a batch without writes.
    var identity: BatchIdentity?
    /// The usage reads, sent when the operations have been answered.
    @exclusivity(unchecked) var usageRequests: [UsageRequest] = []
    /// How often the batch has been resent because Redis did not know its periods or its limit sets.
    var resent = 0

    /// Creates an empty batch. The number differs from that of every batch that has had the same plans.
    init(
        number: Int, keySpace: KeySpace, partition: KeySpace.Partition? = nil, bounds: Bounds = .long,
        at now: NIODeadline = .now()
    ) {
        self.number = number
        self.bounds = bounds
        begunAt = now
        encoder = BatchEncoder(number: number, keySpace: keySpace, partition: partition)
    }

    /// Whether the batch has reached its bounds. A usage read is a call of its own and takes Redis about as long as eight
    /// operations.
    var isFull: Bool {
        entries.count + Self.weightOfUsage * usageRequests.count >= bounds.operations
            || encoder.plans.count >= bounds.scopes
    }

    private static let weightOfUsage = 8

    /// The partition of all keys of the batch.
    var partition: KeySpace.Partition? { encoder.partition }

    /// Adds an operation on scopes, without the inert ones except for a COMMIT or CANCEL.
    func append(
        _ verb: OperationVerb, _ amounts: Amounts, on scopes: [ScopePlan], terms: OperationTerms?,
        times: OperationTimes = OperationTimes(), traits: [UInt8] = [], arrivedAt: UInt64 = 0,
        for delegate: any OperationDelegate, ticket: Int
    ) {
        encoder.append(verb, amounts, on: scopes, terms: terms, times: times)
        if !traits.isEmpty, !verb.isDecision { self.traits[entries.count] = traits }
        if let terms { self.terms[entries.count] = terms }
        if !verb.isDecision {
            hasWrites = true
            if verb == .refund || verb == .cancel { takesBack = true }
        }
        let failsClosed = scopes.contains { $0.set.failsClosed }
        entries.append(
            Entry(delegate: delegate, ticket: ticket, verb: verb, failsClosed: failsClosed, arrivedAt: arrivedAt))
    }

    /// Returns the operation at an index as its delegate is notified of its failure.
    func failedOperation(_ index: Int) -> FailedOperation {
        let entry = entries[index]
        return FailedOperation(verb: entry.verb, terms: terms[index], failsClosed: entry.failsClosed)
    }
}
