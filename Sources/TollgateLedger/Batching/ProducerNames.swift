/// The producer of a batch and its number, by which the script recognizes a batch that it has applied already.
package struct BatchIdentity: Sendable, Hashable, Codable {
    package var producer: String
    package var sequence: Int64

    package init(producer: String, sequence: Int64) {
        self.producer = producer
        self.sequence = sequence
    }
}

/// The producer names under which a ledger sends batches that must be applied exactly once. Pure; owned by the ledger.
///
/// Redis stores one number per name, that of the last applied batch. While it is not known whether the last batch under
/// a name was applied, no other may be sent under it. Such a name is set aside until its batch has been replayed, and
/// another is used.
struct ProducerNames {
    /// The prefix of all names, different for each ledger.
    let base = String(UInt64.random(in: .min ... .max), radix: 16)
    private var current: String
    private var free: [String] = []
    /// The number of names made so far.
    private var count = 1
    private var lastSequence: Int64 = 0

    init() {
        current = base
    }

    /// Returns the identity of the next batch.
    mutating func next() -> BatchIdentity {
        lastSequence += 1
        return BatchIdentity(producer: current, sequence: lastSequence)
    }

    /// Sets the batch's name aside, as it is not known whether the batch was applied.
    mutating func setAside(_ identity: BatchIdentity) {
        guard identity.producer == current else { return }
        if let name = free.popLast() {
            current = name
        } else {
            current = "\(base)-\(count)"
            count += 1
        }
    }

    /// Makes the batch's name usable again, as the batch was applied or never will be.
    mutating func release(_ identity: BatchIdentity) {
        let name = identity.producer
        guard name == base || name.hasPrefix("\(base)-"), name != current, !free.contains(name) else { return }
        free.append(name)
    }
}
