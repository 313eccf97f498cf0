/// What some operations carry besides scopes and amounts.
package enum OperationTerms: Sendable {
    /// A RECORD or REFUND that counts once; with what it is known by.
    case once(IdempotencyKey)
    /// A RESERVE.
    case reserving(Reservation)
    /// A COMMIT or CANCEL.
    case ending(Reservation)

    /// What the operation is known by once it has been applied; of a RESERVE, what its settling is known by.
    var mark: IdempotencyKey {
        switch self {
        case .once(let mark): mark
        case .reserving(let reservation), .ending(let reservation): IdempotencyKey(reservation)
        }
    }

    /// That of a RESERVE.
    package var reserving: Reservation? {
        if case .reserving(let reservation) = self { reservation } else { nil }
    }
}

/// The times of an operation, Unix ms by Redis's clock.
package struct OperationTimes: Sendable {
    /// When what a RECORD, REFUND or COMMIT tells of was used; nil for now.
    package var usedAt: Int64?
    /// What Redis's clock probably says now; 0 where that is not known.
    var now: Int64 = 0

    /// Used at a time, or now.
    package init(usedAt: Int64? = nil) {
        self.usedAt = usedAt
    }

    /// The time whose day an amount counts in: of a COMMIT, when its reservation was made. Nil for now.
    func periodTime(of terms: OperationTerms?) -> Int64? {
        if case .ending(let reservation)? = terms { reservation.madeAt } else { usedAt }
    }
}

/// The name under which Redis remembers that an operation has been applied: its key behind the prefix.
package struct IdempotencyKey: Sendable, Hashable {
    /// `user:alice:record:7f3a`
    let name: String

    init(name: String) {
        self.name = name
    }

    /// That of a RECORD or REFUND with an `id=`. The id belongs to the first scope that the request names.
    package init(_ verb: OperationVerb, id: String, scope: String) {
        name = "\(KeySpace.name(ofScope: scope)):\(verb == .refund ? "refund" : "record"):\(id)"
    }

    /// Of both the COMMIT and the CANCEL of a reservation: only the first of them counts.
    init(_ reservation: Reservation) {
        name = "\(KeySpace.name(ofScope: reservation.scopes.first ?? "global")):settled:\(reservation.id)"
    }
}
