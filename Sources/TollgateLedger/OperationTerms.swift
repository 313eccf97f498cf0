/// What some operations carry besides scopes and amounts.
package enum OperationTerms: Sendable {
    /// A RECORD or REFUND that counts once; with what it is known by.
    case once(OperationMark)
    /// A RESERVE.
    case reserving(Reservation)
    /// A COMMIT or CANCEL.
    case settling(Reservation)

    /// What the operation is known by once it has been applied; of a RESERVE, what its settling is known by.
    var mark: OperationMark {
        switch self {
        case .once(let mark): mark
        case .reserving(let reservation), .settling(let reservation): OperationMark(reservation)
        }
    }

    /// That of a RESERVE.
    package var reserving: Reservation? {
        if case .reserving(let reservation) = self { reservation } else { nil }
    }
}

/// The name under which Redis remembers that an operation has been applied: a key, but for the namespace.
package struct OperationMark: Sendable, Hashable {
    /// `{user:alice}:record:7f3a`
    let key: String

    init(key: String) {
        self.key = key
    }

    /// That of a RECORD or REFUND with an `id=`. The id belongs to the first scope that the request names.
    package init(_ verb: OperationVerb, id: String, scope: String) {
        // The last brace is the scope's: no scope's hash, and no other scope's mark, has this name.
        let escaped = id.replacing("%", with: "%25").replacing("}", with: "%7D")
        key = "{\(scope)}:\(verb == .refund ? "refund" : "record"):\(escaped)"
    }

    /// Of both the COMMIT and the CANCEL of a reservation: only the first of them counts.
    init(_ reservation: Reservation) {
        key = "{\(reservation.scopes.first ?? "global")}:settled:\(reservation.id)"
    }
}
