/// What the script said of one operation. Never copied: it moves from the reply to the owner of the operation.
package struct Answer: ~Copyable {
    package enum Outcome: Int64 {
        case allow = 1
        case deny = 2
        case ok = 3
        /// A scope's key in Redis holds something that is not ours; nothing of the operation was applied.
        case broken = 4
        /// Was done before; nothing was changed.
        case duplicate = 5
        /// A COMMIT or CANCEL that was applied though the hold had ended.
        case late = 6
        /// More would be held of a scope than can be counted exactly; nothing of the operation was applied.
        case overfull = 7
        /// A RECORD or REFUND whose id was used for other amounts; nothing was changed.
        case conflict = 8
        /// Not said by the script: kept on disk, and applied when Redis can be reached.
        case queued = 100
    }

    package var outcome: Outcome
    /// The tightest limit of an ALLOW, the one that refuses longest of a DENY.
    package var limit: LimitReference?
    /// What counts against `limit`, after the operation.
    package var used: Int64 = 0
    /// What open reservations hold of `limit`.
    package var held: Int64 = 0
    /// Of an ALLOW, until nothing counts against `limit` any more; of a DENY, until the same request could pass, negative
    /// where waiting does not help.
    package var milliseconds: Int64 = 0
    /// What few answers have; nil where there is nothing of it.
    package private(set) var extras: Extras?

    /// Behind one pointer, so that answers without it carry and drop no more than that.
    package final class Extras {
        /// That of the reservation, of a RESERVE that was allowed.
        package internal(set) var token: String?
        /// Shadow limits that would have denied.
        package internal(set) var shadows: [LimitReference] = []
        /// Limits past a threshold.
        package internal(set) var warnings: [Warning] = []
    }

    /// The extras, to add something to them.
    mutating func makeExtras() -> Extras {
        let made = extras ?? Extras()
        extras = made
        return made
    }

    package struct LimitReference {
        package var plan: ScopePlan
        /// Into `plan.set.limits`.
        package var index: Int
    }

    package init(outcome: Outcome) {
        self.outcome = outcome
    }

    package struct Warning {
        package var limit: LimitReference
        package var used: Int64
    }
}
