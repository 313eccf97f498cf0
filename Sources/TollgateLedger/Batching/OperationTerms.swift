package import TollgateCore

/// The kind of an operation in a batch. The raw values are the script's.
package enum OperationVerb: UInt8, Sendable {
    case check = 1
    case peek = 2
    case record = 3
    case refund = 4
    case reserve = 5
    case commit = 6
    case cancel = 7
    /// Charges expired reservations, without a request.
    case sweep = 10

    /// The verbs of requests, in the order of their numbers.
    package static let requests: [OperationVerb] = [.check, .peek, .record, .refund, .reserve, .commit, .cancel]

    /// Whether the operation returns a decision, as CHECK, PEEK and RESERVE do, or can be repeated at any time, as a
    /// sweep. The others are writes, which must not be lost.
    package var isDecision: Bool {
        switch self {
        case .check, .peek, .reserve, .sweep: true
        case .record, .refund, .commit, .cancel: false
        }
    }
}

/// The parameters that some operations have besides scopes and amounts.
package enum OperationTerms: Sendable {
    /// A RECORD or REFUND that is applied at most once, with its idempotency key.
    case once(IdempotencyKey)
    /// A RESERVE of this reservation.
    case reserving(Reservation)
    /// A COMMIT or CANCEL of this reservation.
    case ending(Reservation)

    /// The key under which Redis remembers the operation; for a RESERVE, that of its COMMIT or CANCEL.
    var idempotencyKey: IdempotencyKey {
        switch self {
        case .once(let key): key
        case .reserving(let reservation), .ending(let reservation): IdempotencyKey(reservation)
        }
    }

    /// The reservation of a RESERVE; nil for other operations.
    package var reserving: Reservation? {
        if case .reserving(let reservation) = self { reservation } else { nil }
    }
}

/// The times of an operation, Unix ms by Redis's clock.
package struct OperationTimes: Sendable {
    /// The time of the usage of a RECORD, REFUND or COMMIT; nil for now.
    package var usedAt: Int64?
    /// The estimated current time of Redis's clock; 0 if it is unknown.
    var now: Int64 = 0

    /// Creates the times of an operation on usage at a time, or now.
    package init(usedAt: Int64? = nil) {
        self.usedAt = usedAt
    }

    /// Returns the time whose day an amount counts in; nil for now. For a COMMIT it is when its reservation was made.
    func periodTime(of terms: OperationTerms?) -> Int64? {
        if case .ending(let reservation)? = terms { reservation.madeAt } else { usedAt }
    }
}

/// The name under which Redis remembers that an operation was applied: the key without the prefix.
package struct IdempotencyKey: Sendable, Hashable {
    /// The name, such as `user:alice:record:7f3a`.
    let name: String
    /// Whether the cost follows from prices, so that the same operation may have another cost later.
    package var ignoresCost = false
    /// A digest of the amounts that have a price and no meter, at most ``maxDetail``; 0 if there are none.
    package private(set) var detail: UInt32 = 0

    /// The maximum of ``detail``.
    static let maxDetail: UInt32 = (1 << 24) - 1

    init(name: String, ignoresCost: Bool = false, detail: UInt32 = 0) {
        self.name = name
        self.ignoresCost = ignoresCost
        self.detail = min(detail, Self.maxDetail)
    }

    /// Tells operations apart that differ in amounts with a price and no meter: FNV-1a, folded to 24 bits.
    package mutating func distinguish(_ amounts: Amounts) {
        let billed = [amounts.cacheReadTokens, amounts.cacheWriteTokens, amounts.images, amounts.milliseconds]
        guard billed.contains(where: { $0 != 0 }) else { return detail = 0 }
        var hash: UInt32 = 0x811c_9dc5
        for number in billed {
            withUnsafeBytes(of: number.littleEndian) { bytes in
                for byte in bytes { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
            }
        }
        detail = max(1, (hash >> 24) ^ (hash & Self.maxDetail))
    }

    /// Creates the key of a RECORD or REFUND with an `id=`. The id belongs to the first scope of the request.
    package init(_ verb: OperationVerb, id: String, scope: String) {
        name = "\(KeySpace.name(ofScope: scope)):\(verb == .refund ? "refund" : "record"):\(id)"
    }

    /// Creates the key of a reservation's COMMIT and CANCEL. They share it, so that only the first of them is applied.
    init(_ reservation: Reservation) {
        name = "\(KeySpace.name(ofScope: reservation.scopes.first ?? "global")):settled:\(reservation.id)"
    }
}
