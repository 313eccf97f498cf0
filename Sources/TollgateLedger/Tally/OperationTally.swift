import TollgateCore
import TollgatePolicy

/// The answers that a worker has given since the start, by verb, and by the limit that denied: what metrics and STATUS
/// report. Counting takes no lock. It allocates for a limit set or scope whose limit denies for the first time, and to
/// decode the usage of writes, but not for other decisions.
///
/// Owned by one event loop. `snapshot()` is for other threads.
package final class OperationTally {
    /// The outcome of an operation, as far as it is counted.
    package enum Outcome: Int, CaseIterable, Sendable {
        case allowed
        case denied
        /// A write that was applied in time.
        case applied
        /// A COMMIT or CANCEL that was applied after the hold had expired.
        case late
        case duplicate
        /// A write that went to the journal.
        case queued
        /// A decision without Redis.
        case degraded
    }

    /// The maximum number of distinct limits, with reason and kind, that denials are counted by. Later ones are counted
    /// as `other`.
    static let maxDenialLabels = 300
    static let maxShadowLabels = 100
    private static let maxKinds = 40
    private static let maxLimits = 300

    /// The rows of `outcomes`: a sweep, whose number is higher, is no request.
    @usableFromInline static let verbs = 8
    /// The counts of an outcome of a verb, at `verb × verbs + outcome`.
    @usableFromInline let outcomes = Counters(count: verbs * verbs)
    /// Denials by the packed number of their labels.
    @exclusivity(unchecked) private var denials: [UInt64: Int] = [:]
    @exclusivity(unchecked) private var shadows: [UInt64: Int] = [:]
    /// Decisions that were allowed although a limit in shadow mode would have denied them.
    @exclusivity(unchecked) package private(set) var wouldDeny = 0
    /// The usage that writes have counted, by kind and then by meter.
    @exclusivity(unchecked) private var usage: [[Int64]] = []
    @exclusivity(unchecked) private var kinds = LabelTable(capacity: maxKinds)
    @exclusivity(unchecked) private var limits = LabelTable(capacity: maxLimits)

    /// The times from the arrival of a request for a decision until it is answered, in nanoseconds.
    package let decisionTimes = HistogramRecorder(bounds: Histogram.times)
    /// The times that Redis takes to answer a batch, in nanoseconds, with the way there and back.
    package let roundTrips = HistogramRecorder(bounds: Histogram.times)
    /// The operations of batches.
    package let batchSizes = HistogramRecorder(bounds: Histogram.sizes)

    package init() {}

    deinit {
        outcomes.deallocate()
        for recorder in [decisionTimes, roundTrips, batchSizes] { recorder.deallocate() }
    }

    // MARK: - Counting

    /// Counts an answer that Redis gave, or the journal.
    @inlinable @inline(__always)
    package func count(_ answer: borrowing Answer) {
        switch answer.outcome {
        case .allow:
            count(.allowed, of: answer.verb)
            if answer.extras != nil { countShadows(of: answer) }
        case .deny:
            count(.denied, of: answer.verb)
            countLimit(of: answer)
        case .ok: count(.applied, of: answer.verb)
        case .late: count(.late, of: answer.verb)
        case .duplicate: count(.duplicate, of: answer.verb)
        case .queued: count(.queued, of: answer.verb)
        case .broken, .overfull, .conflict, .brokenHolds: break
        }
    }

    /// Counts an outcome that no limit has caused.
    @inlinable @inline(__always)
    package func count(_ outcome: Outcome, of verb: OperationVerb) {
        guard verb.rawValue < Self.verbs else { return }
        outcomes.increment(Int(verb.rawValue) * Self.verbs + outcome.rawValue)
    }

    /// Counts a denial because of a model without a price.
    package func countUnknownModel(_ verb: OperationVerb) {
        count(.denied, of: verb)
        let labels = Labels(
            verb: verb.rawValue, reason: LimitLabel.number(of: .unknownModel), kind: LabelTable.none,
            limit: LabelTable.none)
        denials[labels.packed, default: 0] += 1
    }

    /// Counts a denial by its limit. Not inlined, as this path is not the usual one.
    @inline(never) @usableFromInline
    func countLimit(of answer: borrowing Answer) {
        guard let limit = answer.limit else { return }
        Self.count(labels(of: limit, answer.verb), in: &denials, atMost: Self.maxDenialLabels)
    }

    @inline(never) @usableFromInline
    func countShadows(of answer: borrowing Answer) {
        guard let shadows = answer.extras?.shadows, !shadows.isEmpty else { return }
        wouldDeny += 1
        for limit in shadows {
            Self.count(labels(of: limit, nil), in: &self.shadows, atMost: Self.maxShadowLabels)
        }
    }

    private static func count(_ labels: Labels, in counts: inout [UInt64: Int], atMost max: Int) {
        var labels = labels
        if counts[labels.packed] == nil, counts.count >= max {
            (labels.kind, labels.limit) = (LabelTable.other, LabelTable.other)
        }
        counts[labels.packed, default: 0] += 1
    }

    /// Counts the amounts of a write that has been applied, for the kind of each of its scopes.
    func countUsage(of plan: ScopePlan, _ meter: Meter, _ amount: Int64) {
        let kind = numberOfKind(of: plan)
        while usage.count <= kind { usage.append([Int64](repeating: 0, count: Meter.allCases.count + 1)) }
        let (sum, overflow) = usage[kind][Int(meter.rawValue)].addingReportingOverflow(amount)
        usage[kind][Int(meter.rawValue)] = overflow ? .max : sum
    }

    // MARK: - Labels

    /// Returns the labels of a limit. A plan and a limit set keep their numbers.
    ///
    /// - Parameter verb: Nil for a limit in shadow mode, which counts for all verbs together.
    private func labels(of reference: Answer.LimitReference, _ verb: OperationVerb?) -> Labels {
        let set = reference.plan.set
        if set.labels.isEmpty {
            set.labels = set.limits.map { effective in
                LimitLabel(
                    limit: limits.number(of: effective.limit.name),
                    reason: LimitLabel.number(of: effective.limit.denialReason))
            }
        }
        let label = set.labels[reference.index]
        return Labels(
            verb: verb?.rawValue ?? 0, reason: verb == nil ? 0 : label.reason, kind: numberOfKind(of: reference.plan),
            limit: label.limit)
    }

    private func numberOfKind(of plan: ScopePlan) -> Int {
        if plan.kindNumber < 0 { plan.kindNumber = Int32(kinds.number(of: plan.scope.kind.description)) }
        return Int(plan.kindNumber)
    }

    /// The labels of a count as numbers, and in one word.
    private struct Labels {
        var verb: UInt8
        var reason: UInt8
        var kind: Int
        var limit: Int

        var packed: UInt64 { UInt64(verb) << 56 | UInt64(reason) << 48 | UInt64(kind) << 24 | UInt64(limit) }
    }

    // MARK: - Reading

    /// Returns how often an outcome occurred, for all verbs.
    package func count(_ outcome: Outcome) -> Int {
        OperationVerb.requests.reduce(0) { $0 + outcomes[Int($1.rawValue) * Self.verbs + outcome.rawValue] }
    }

    /// Returns the counts with the texts of their labels. It shares no storage with the tally, so that counting on need
    /// not copy anything.
    package func snapshot() -> TallySnapshot {
        var snapshot = TallySnapshot()
        for verb in OperationVerb.requests {
            for outcome in Outcome.allCases {
                let count = outcomes[Int(verb.rawValue) * Self.verbs + outcome.rawValue]
                if count > 0 { snapshot.outcomes[.init(verb: verb, outcome: outcome)] = count }
            }
        }
        snapshot.wouldDeny = wouldDeny
        for (packed, count) in denials {
            guard let verb = OperationVerb(rawValue: UInt8(truncatingIfNeeded: packed >> 56)) else { continue }
            let reason = DenialReason.allCases[Int(packed >> 48 & 0xff)]
            snapshot.denials[.init(verb: verb, reason: reason, limit: limit(packed)), default: 0] += count
        }
        for (packed, count) in shadows { snapshot.shadows[limit(packed), default: 0] += count }
        for (kind, amounts) in usage.enumerated() {
            for meter in Meter.allCases where amounts[Int(meter.rawValue)] > 0 {
                snapshot.addUsage(amounts[Int(meter.rawValue)], .init(meter: meter, kind: kinds.values[kind]))
            }
        }
        snapshot.decisionTimes = decisionTimes.histogram
        snapshot.roundTrips = roundTrips.histogram
        snapshot.batchSizes = batchSizes.histogram
        return snapshot
    }

    private func limit(_ packed: UInt64) -> TallySnapshot.Limit {
        .init(kind: kinds.values[Int(packed >> 24 & 0xff_ffff)], limit: limits.values[Int(packed & 0xff_ffff)])
    }
}

/// The labels of a limit in metrics, as numbers. A limit set keeps those of its limits.
struct LimitLabel {
    /// The number of the limit's name.
    var limit: Int
    /// The number of the reason for which it denies.
    var reason: UInt8

    /// Returns the number of a reason: its index among all.
    static func number(of reason: DenialReason) -> UInt8 {
        UInt8(DenialReason.allCases.firstIndex(of: reason) ?? 0)
    }
}
