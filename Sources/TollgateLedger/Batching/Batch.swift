import NIOCore
import TollgateCore

/// Operations that go to Redis together, and who waits for them. Owned by one event loop.
final class Batch {
    /// When a batch closes.
    struct Bounds: Sendable {
        var operations: Int
        /// Distinct scopes: they are what takes Redis its time.
        var scopes: Int

        /// For the most operations a second.
        static let long = Bounds(operations: capacity, scopes: 640)
        /// For short waits: a request waits for the batch under way, the one that is full, and its own.
        static let short = Bounds(operations: 192, scopes: 96)
    }

    /// The most operations of a batch.
    static let capacity = 512

    struct Entry {
        var owner: any OperationDelegate
        var ticket: Int
        var verb: OperationVerb
        var failsClosed: Bool
    }

    struct UsageRequest {
        var plan: ScopePlan
        var completion: (Result<ScopeUsage, LedgerFailure>) -> Void
    }

    let number: Int
    /// When it was begun.
    var waitsSince: NIODeadline
    private let bounds: Bounds
    /// When it was last sent.
    var sentAt = NIODeadline.uptimeNanoseconds(0)
    /// The operations have been answered; what was asked of usage is being read.
    var isReadingUsage = false
    /// Readings of usage that have not come to an end.
    var openReads = 0
    // Without run-time checks of exclusive access, which would be a tenth of an operation: appending calls nobody back.
    @exclusivity(unchecked) private(set) var entries: [Entry] = []
    @exclusivity(unchecked) private(set) var encoder: BatchEncoder
    /// By place in `entries`, of the few operations that have any.
    @exclusivity(unchecked) private(set) var terms: [Int: OperationTerms] = [:]
    /// What the requests of facts said of their users (`UserTraits.bytes`), of the few that said anything.
    @exclusivity(unchecked) private(set) var traits: [Int: [UInt8]] = [:]
    /// Whether it tells facts, which must count once whatever happens to its reply.
    @exclusivity(unchecked) private(set) var hasWrites = false
    /// Whether it takes back what was counted: not before that has been.
    @exclusivity(unchecked) private(set) var takesBack = false
    /// Whether it comes from the journal: then it stays there where it fails.
    var isReplay = false
    /// What it is sent as; nil before, and where it tells no facts.
    var identity: BatchIdentity?
    /// Sent when the operations before them have been answered.
    @exclusivity(unchecked) var usageRequests: [UsageRequest] = []
    /// How often it has been sent again because the sidecar's idea of the time was off.
    var resent = 0

    /// `number` and `partition` as for the encoder.
    init(
        number: Int, keySpace: KeySpace, partition: KeySpace.Partition? = nil, bounds: Bounds = .long,
        at now: NIODeadline = .now()
    ) {
        self.number = number
        self.bounds = bounds
        waitsSince = now
        encoder = BatchEncoder(number: number, keySpace: keySpace, partition: partition)
    }

    /// A reading of usage is a call of its own, and weighs as many operations as take Redis about as long.
    var isFull: Bool {
        entries.count + Self.weightOfUsage * usageRequests.count >= bounds.operations
            || encoder.plans.count >= bounds.scopes
    }

    private static let weightOfUsage = 8

    /// That of all its operations.
    var partition: KeySpace.Partition? { encoder.partition }

    /// Adds an operation on scopes, without the inert ones but where it settles a reservation.
    func append(
        _ verb: OperationVerb, _ amounts: Amounts, on scopes: [ScopePlan], terms: OperationTerms?,
        times: OperationTimes = OperationTimes(), traits: [UInt8] = [], for owner: any OperationDelegate, ticket: Int
    ) {
        encoder.append(verb, amounts, on: scopes, terms: terms, times: times)
        if !traits.isEmpty, !verb.isDecision { self.traits[entries.count] = traits }
        if let terms { self.terms[entries.count] = terms }
        if !verb.isDecision {
            hasWrites = true
            if verb == .refund || verb == .cancel { takesBack = true }
        }
        let failsClosed = scopes.contains { $0.set.failsClosed }
        entries.append(Entry(owner: owner, ticket: ticket, verb: verb, failsClosed: failsClosed))
    }

    /// What the owner of an operation has to know when it fails.
    func failedOperation(_ place: Int) -> FailedOperation {
        let entry = entries[place]
        return FailedOperation(verb: entry.verb, terms: terms[place], failsClosed: entry.failsClosed)
    }
}
