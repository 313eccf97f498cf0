import TollgateCore

/// The sections `defaults` and `scopes` of a policy file, with the position of each limit.
struct PolicyLimits {
    private(set) var defaults: [ScopeKind: [LocatedLimit]] = [:]
    private(set) var scopes: [Scope: [LocatedLimit]] = [:]
    private var composites: Set<ScopeKind> = []

    init(_ entries: [PolicyReader.Entry], _ reader: PolicyReader) {
        for entry in section("defaults", entries, expected: "a map of kinds such as user:", reader) {
            readKind(entry, reader)
        }
        for entry in section("scopes", entries, expected: "a map of scopes such as user:alice:", reader) {
            readScope(entry, reader)
        }
    }

    /// The entries of a section; none if the section is missing or empty.
    private func section(
        _ name: String, _ entries: [PolicyReader.Entry], expected: String, _ reader: PolicyReader
    ) -> [PolicyReader.Entry] {
        guard let entry = entries.first(where: { $0.key == name }), !entry.value.isEmpty else { return [] }
        return reader.entries(of: entry.value, at: entry.position, expected: expected)
    }

    private mutating func readKind(_ entry: PolicyReader.Entry, _ reader: PolicyReader) {
        reader.limitsAreOfAccount = entry.key == "account"
        defer { reader.limitsAreOfAccount = false }
        let limits = reader.limits(entry.value, at: entry.position)
        do throws(ScopeError) {
            let kind = try ScopeKind(parsing: entry.key)
            guard kind != .global else { throw ScopeError("global is one scope, not a kind: it belongs under scopes") }
            for name in kind.names { try reader.rejectTypo(name) }
            if defaults[kind] != nil { throw ScopeError("duplicate kind \(kind) in another spelling") }
            try countComposite(kind)
            try Self.checkCount(limits.count)
            defaults[kind] = limits
        } catch {
            reader.report(entry.position, error.description)
        }
    }

    private mutating func readScope(_ entry: PolicyReader.Entry, _ reader: PolicyReader) {
        reader.limitsAreOfAccount = (try? Scope(parsing: entry.key))?.isAccount == true
        defer { reader.limitsAreOfAccount = false }
        let limits = reader.limits(entry.value, at: entry.position)
        do throws(ScopeError) {
            let scope = try Scope(parsing: entry.key).foldingCase(of: reader.folded)
            for name in scope.kind.names { try reader.rejectTypo(name) }
            if scopes[scope] != nil { throw ScopeError("duplicate scope \(scope) in another spelling") }
            try countComposite(scope.kind)
            try Self.checkCount(limits.count + inherited(scope, limits).count)
            scopes[scope] = limits
            if let part = scope.parts.first(where: { $0.id.contains("*") }) {
                let sentence =
                    "* is a plain character, not a wildcard; limits of each \(part.kind) are written under defaults:"
                reader.warnings.append(reader.problem(entry.position, sentence))
            }
        } catch {
            reader.report(entry.position, error.description)
        }
    }

    private mutating func countComposite(_ kind: ScopeKind) throws(ScopeError) {
        guard kind.isComposite, composites.insert(kind).inserted else { return }
        guard composites.count <= Policy.maxCompositeKinds else {
            throw ScopeError("more than \(Policy.maxCompositeKinds) composite kinds in this file")
        }
    }

    private static func checkCount(_ limits: Int) throws(ScopeError) {
        guard limits <= Policy.maxLimitsPerScope else {
            throw ScopeError(
                "\(limits) limits with those of its kind; a scope has at most \(Policy.maxLimitsPerScope)")
        }
    }

    /// The limits that a scope inherits from its kind, given its own limits.
    private func inherited(_ scope: Scope, _ own: [LocatedLimit]) -> [LocatedLimit] {
        (defaults[scope.kind] ?? []).filter { inherited in
            !own.contains { $0.limit.meter == inherited.limit.meter && $0.limit.period == inherited.limit.period }
        }
    }
}

// MARK: - Warnings

extension PolicyLimits {
    /// Warnings about limits without effect, because other limits of the same meter are always reached first.
    func warnings(_ reader: PolicyReader) -> [PolicyProblem] {
        var warnings: [PolicyProblem] = []
        for limits in defaults.values {
            warnings += Self.warnings(about: limits, among: limits, reader)
        }
        for (scope, limits) in scopes {
            // Not about inherited limits: they have an effect on other scopes of the kind.
            warnings += Self.warnings(about: limits, among: limits + inherited(scope, limits), reader)
            warnings += Self.warnings(about: limits, insteadOf: defaults[scope.kind] ?? [], reader)
        }
        return warnings
    }

    /// Warnings about limits of a scope or tier that only count, and take the place of defaults that deny.
    static func warnings(
        about limits: [LocatedLimit], insteadOf defaults: [LocatedLimit], _ reader: PolicyReader
    ) -> [PolicyProblem] {
        limits.flatMap { located in
            defaults.compactMap { other in
                located.limit.warning(insteadOf: other.limit, of: "defaults").map {
                    reader.problem(located.position, $0)
                }
            }
        }
    }

    /// Warnings about some limits of a scope or tier.
    ///
    /// - Parameter all: All limits that the scope or tier has.
    static func warnings(
        about limits: [LocatedLimit], among all: [LocatedLimit], _ reader: PolicyReader
    ) -> [PolicyProblem] {
        limits.compactMap { located in
            for other in all where other.limit.period != located.limit.period {
                guard let reason = located.limit.reasonWithoutEffect(beside: other.limit) else { continue }
                return reader.problem(
                    located.position, "can never matter: \(reason) (line \(other.position.line))")
            }
            return nil
        }
    }
}

extension Limit {
    /// The reason why this limit admits everything that the other one admits; nil if it does not.
    func reasonWithoutEffect(beside other: Limit) -> String? {
        guard meter == other.meter, mode == .enforce, other.mode == .enforce, let max, let otherMax = other.max else {
            return nil
        }
        if other.period.covers(period), max >= otherMax {
            return "\(other.name) admits no more than \(other.text(otherMax)) in a longer time"
        }
        guard meter == .requests, let bound = other.maxAmount(within: period), max >= bound, bound > 0 else {
            return nil
        }
        return "\(other.name) admits at most \(bound) in that time"
    }

    /// The amount that a sliding window admits within a longer one, window after window.
    private func maxAmount(within longer: Period) -> Int64? {
        guard case .sliding(let seconds) = period, case .sliding(let longerSeconds) = longer, longerSeconds > seconds,
            let max
        else { return nil }
        let (amount, overflow) = ((longerSeconds + seconds - 1) / seconds).multipliedReportingOverflow(by: max)
        return overflow ? nil : amount
    }
}

extension Period {
    /// Whether each interval of the other period lies within one interval of this period.
    ///
    /// A sliding window crosses the end of a calendar period, and a week crosses the end of a month.
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
