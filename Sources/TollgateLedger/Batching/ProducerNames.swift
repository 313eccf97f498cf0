/// The names under which a ledger sends batches that must be applied once. Redis keeps one number a name, the last applied: so
/// while it is not known whether the last batch under a name was applied, nothing more may be sent under it. Such a name is
/// set aside until its batch has been replayed, and another is used meanwhile. Pure; owned by the ledger.
struct ProducerNames {
    /// What they all start with; no other ledger's.
    let base = String(UInt64.random(in: .min ... .max), radix: 16)
    private var current: String
    private var free: [String] = []
    private var made = 1
    private var lastSequence: Int64 = 0

    init() {
        current = base
    }

    /// For the next batch.
    mutating func next() -> BatchIdentity {
        lastSequence += 1
        return BatchIdentity(producer: current, sequence: lastSequence)
    }

    /// Nobody knows what became of this batch.
    mutating func setAside(_ identity: BatchIdentity) {
        guard identity.producer == current else { return }
        if let name = free.popLast() {
            current = name
        } else {
            current = "\(base)-\(made)"
            made += 1
        }
    }

    /// The batch has been applied, or never will be.
    mutating func release(_ identity: BatchIdentity) {
        let name = identity.producer
        guard name == base || name.hasPrefix("\(base)-"), name != current, !free.contains(name) else { return }
        free.append(name)
    }
}
