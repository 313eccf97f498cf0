/// The script's result of one operation. Not copyable: it moves from the reply to the operation's delegate.
package struct Answer: ~Copyable {
    package enum Outcome: Int64 {
        case allow = 1
        case deny = 2
        case ok = 3
        /// A scope's key in Redis is not a hash; the operation was not applied.
        case broken = 4
        /// The operation was applied before; nothing was changed.
        case duplicate = 5
        /// A COMMIT or CANCEL was applied although the hold had expired.
        case late = 6
        /// A scope would hold more than can be counted exactly; the operation was not applied.
        case overfull = 7
        /// The id of a RECORD or REFUND was used for other amounts before; nothing was changed.
        case conflict = 8
        /// A key of a scope's reservations is not a sorted set or cannot be written, so what expires could not be charged.
        case brokenHolds = 9
        /// The write is journaled, and applied when Redis can be reached. The script never returns it.
        case queued = 100
    }

    package let verb: OperationVerb
    package var outcome: Outcome
    /// The tightest limit of an ALLOW; the limit of a DENY that denies longest.
    package var limit: LimitReference?
    /// The usage that counts against `limit`, after the operation.
    package var used: Int64 = 0
    /// The amount that open reservations hold of `limit`.
    package var held: Int64 = 0
    /// For an ALLOW, the time until nothing counts against `limit`. For a DENY, the time until the same request could pass;
    /// negative if waiting does not help.
    package var milliseconds: Int64 = 0
    /// The parts that few answers have; nil if there are none.
    package private(set) var extras: Extras?

    /// The rare parts of an answer, behind one pointer so that other answers stay small.
    package final class Extras {
        /// The reservation's token, for a RESERVE that was allowed.
        package internal(set) var token: String?
        /// The shadow limits that would have denied.
        package internal(set) var shadows: [LimitReference] = []
        /// The limits whose usage is past a threshold.
        package internal(set) var warnings: [Warning] = []
    }

    /// Returns the extras, created if there are none.
    mutating func makeExtras() -> Extras {
        let created = extras ?? Extras()
        extras = created
        return created
    }

    package struct LimitReference {
        package var plan: ScopePlan
        /// The index in `plan.set.limits`.
        package var index: Int
    }

    package init(to verb: OperationVerb, outcome: Outcome) {
        self.verb = verb
        self.outcome = outcome
    }

    package struct Warning {
        package var limit: LimitReference
        package var used: Int64
    }
}
