import TollgateCore

extension PolicyLimits {
    /// Limits that can never matter, because others of the same meter are always reached before them.
    func warnings(_ reader: PolicyReader) -> [PolicyProblem] {
        var warnings: [PolicyProblem] = []
        for limits in defaults.values {
            warnings += Self.warnings(about: limits, among: limits, reader)
        }
        for (scope, limits) in scopes {
            // Only what stands here: a default that one scope makes useless is of use to the others.
            warnings += Self.warnings(about: limits, among: limits + inherited(scope, limits), reader)
        }
        return warnings
    }

    /// What is wrong with some limits of a scope or tier, given all that it has.
    static func warnings(
        about limits: [PlacedLimit], among all: [PlacedLimit], _ reader: PolicyReader
    ) -> [PolicyProblem] {
        limits.compactMap { placed in
            for other in all where other.limit.period != placed.limit.period {
                guard let why = placed.limit.reasonToBeUseless(beside: other.limit) else { continue }
                return reader.problem(placed.place, "can never matter: \(why) (line \(other.place.line))")
            }
            return nil
        }
    }
}

extension Limit {
    /// Why this limit can never refuse what the other one admits; nil where it can.
    func reasonToBeUseless(beside other: Limit) -> String? {
        guard meter == other.meter, mode == .enforce, other.mode == .enforce, let max, let otherMax = other.max else {
            return nil
        }
        if other.period.covers(period), max >= otherMax {
            return "\(other.name) admits no more than \(meter.text(otherMax)) in a longer time"
        }
        guard meter == .requests, let most = other.most(in: period), max >= most, most > 0 else { return nil }
        return "\(other.name) admits at most \(most) in that time"
    }

    /// The most that a shorter window admits in a longer one, window after window.
    private func most(in longer: Period) -> Int64? {
        guard case .sliding(let seconds) = period, case .sliding(let longerSeconds) = longer, longerSeconds > seconds,
            let max
        else { return nil }
        let (most, overflow) = ((longerSeconds + seconds - 1) / seconds).multipliedReportingOverflow(by: max)
        return overflow ? nil : most
    }
}

extension Period {
    /// Whether every stretch of the other period lies within one of this period. A sliding window lies across the end of
    /// a calendar period, and a week across the end of a month.
    fileprivate func covers(_ other: Period) -> Bool {
        switch (self, other) {
        case (.request, _), (_, .total), (.reservation, _), (_, .reservation): false
        case (_, .request), (.total, _): true
        case (.sliding(let longer), .sliding(let shorter)): longer > shorter
        case (.week, .day), (.month, .day): true
        default: false
        }
    }
}
