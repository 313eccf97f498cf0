package import TollgateCore

/// The counts of an `OperationTally` at some moment, or the sum of several, with the texts of their labels.
package struct TallySnapshot: Sendable {
    package struct VerbOutcome: Hashable, Sendable {
        package var verb: OperationVerb
        package var outcome: OperationTally.Outcome
    }

    /// A limit of a kind of scopes; `other` for both if there were too many, and empty if no limit is meant.
    package struct Limit: Hashable, Sendable, Comparable {
        package var kind: String
        package var limit: String

        package static func < (lhs: Self, rhs: Self) -> Bool { (lhs.kind, lhs.limit) < (rhs.kind, rhs.limit) }
    }

    package struct Denial: Hashable, Sendable, Comparable {
        package var verb: OperationVerb
        package var reason: DenialReason
        package var limit: Limit

        package static func < (lhs: Self, rhs: Self) -> Bool {
            (lhs.verb.rawValue, lhs.reason.rawValue, lhs.limit) < (rhs.verb.rawValue, rhs.reason.rawValue, rhs.limit)
        }
    }

    package struct Usage: Hashable, Sendable {
        package var meter: Meter
        package var kind: String
    }

    package var outcomes: [VerbOutcome: Int] = [:]
    package var denials: [Denial: Int] = [:]
    package var shadows: [Limit: Int] = [:]
    package var wouldDeny = 0
    package var usage: [Usage: Int64] = [:]
    package var decisionTimes = Histogram(bounds: Histogram.times)
    package var roundTrips = Histogram(bounds: Histogram.times)
    package var batchSizes = Histogram(bounds: Histogram.sizes)

    package init() {}

    /// How often a verb had an outcome.
    package subscript(verb: OperationVerb, outcome: OperationTally.Outcome) -> Int {
        outcomes[VerbOutcome(verb: verb, outcome: outcome)] ?? 0
    }

    mutating func addUsage(_ amount: Int64, _ label: Usage) {
        usage.merge([label: amount], uniquingKeysWith: Self.sum)
    }

    private static func sum(_ lhs: Int64, _ rhs: Int64) -> Int64 {
        let (sum, overflow) = lhs.addingReportingOverflow(rhs)
        return overflow ? .max : sum
    }

    /// Adds the counts of another worker.
    package mutating func add(_ other: TallySnapshot) {
        outcomes.merge(other.outcomes, uniquingKeysWith: +)
        denials.merge(other.denials, uniquingKeysWith: +)
        shadows.merge(other.shadows, uniquingKeysWith: +)
        wouldDeny += other.wouldDeny
        usage.merge(other.usage, uniquingKeysWith: Self.sum)
        decisionTimes.add(other.decisionTimes)
        roundTrips.add(other.roundTrips)
        batchSizes.add(other.batchSizes)
    }
}
